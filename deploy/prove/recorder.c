/*
 * Preloaded into a process, this object writes down what the process asks of the kernel about the
 * files of one directory, in the order in which it happened, and what leaves and enters through its
 * sockets. From that log every content of the disk that a power cut could leave can be computed, and
 * it can be seen whether an answer left before the sync that makes it true. It can also make single
 * calls fail.
 *
 *   PROVE_DIRECTORY  absolute path without links; files below it are recorded, except *-shm
 *   PROVE_LOG        the log, appended to: a restarted process goes on with the same history
 *   PROVE_SOCKETS    set: bytes through sockets are recorded too
 *   PROVE_FAULTS     op:suffix:nth:what[:always], several with semicolons
 *                      op      write sync truncate open unlink rename read
 *                      suffix  how the name ends, relative to the directory; empty = any; "." = a directory
 *                      nth     which such call from now on, counted from 1
 *                      what    EIO ENOSPC EDQUOT EFBIG, short (half of a write arrives), lie (a sync
 *                              that says yes and does nothing), kill, or a number of ms to wait
 *                      always  also every call after the nth
 *
 * Opening the path "/prove-mark/TEXT" fails and leaves a mark in the log; "/prove-fault/SPEC" fails
 * and arms a fault. Both are for programs that know that they are being watched.
 *
 * Order: bytes that enter, writes and changes of names are logged after the call returned, a sync
 * has a record for its begin and one for its end, and bytes that leave are logged before the call. So
 * a sync is never credited with a write that it might have missed, and an answer never seems later
 * than it was. Stores into mapped memory, io_uring and descriptors handed to other processes are not
 * seen; the process has to be started with io_uring switched off.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define DESCRIPTORS 8192
#define NAME_BYTES 192
#define FAULTS 32
#define MAGIC 0x4c50444bu /* "KDPL" */

/* Numbers of the log format; src/prove/recording/operation-log.ts reads them. */
enum {
  WROTE = 1,
  TRUNCATED,
  SYNC_BEGAN,
  SYNC_ENDED,
  SYNC_FAILED,
  CREATED,
  UNLINKED,
  RENAMED,
  LINKED,
  MADE_DIRECTORY,
  RECEIVED,
  SENDING,
  MARKED,
  FAULTED
};

struct record {
  uint32_t magic;
  uint8_t kind;
  uint8_t directory;
  uint16_t name_bytes;
  uint32_t process;
  uint32_t stream;
  uint64_t offset;
  uint64_t bytes;
  uint64_t pair; /* ties the end of a sync to its begin */
  uint64_t time_ns;
};

enum { UNKNOWN, OTHER, A_FILE, A_DIRECTORY, A_SOCKET };

static struct {
  uint8_t kind;
  uint32_t stream;
  char name[NAME_BYTES];
} table[DESCRIPTORS];

static struct fault {
  char op[12];
  char suffix[NAME_BYTES];
  long nth;
  long seen;
  int error;
  int half;
  int lie;
  int die;
  int wait_ms;
  int always;
} faults[FAULTS];

static int fault_count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char watched[512];
static size_t watched_bytes;
static int log_descriptor = -1;
static int with_sockets;
static uint64_t pairs;
static uint32_t streams;

#define REAL(result, name, ...)               \
  static result (*real_##name)(__VA_ARGS__);  \
  if (!real_##name) real_##name = dlsym(RTLD_NEXT, #name)

/* ---- the log ------------------------------------------------------------------------------- */

static void append(struct record *head, const char *name, const struct iovec *parts, int count) {
  if (log_descriptor < 0) return;
  int saved = errno;
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  head->magic = MAGIC;
  head->process = (uint32_t)getpid();
  head->name_bytes = (uint16_t)strlen(name);
  head->time_ns = (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
  struct iovec all[66] = {{head, sizeof *head}, {(void *)name, head->name_bytes}};
  if (count > 64) count = 64;
  ssize_t wanted = (ssize_t)(sizeof *head + head->name_bytes);
  for (int at = 0; at < count; at++) {
    all[at + 2] = parts[at];
    wanted += (ssize_t)parts[at].iov_len;
  }
  REAL(ssize_t, writev, int, const struct iovec *, int);
  /* One record, one append: records of several threads and processes never mix. */
  if (real_writev(log_descriptor, all, count + 2) != wanted) {
    fprintf(stderr, "recorder: the log cannot be written\n");
    _exit(96);
  }
  errno = saved;
}

static void note(int kind, const char *name, int directory, uint64_t offset, uint64_t pair) {
  struct record head = {.kind = (uint8_t)kind, .directory = (uint8_t)directory, .offset = offset, .pair = pair};
  append(&head, name, NULL, 0);
}

static void note_bytes(int kind, const char *name, uint64_t offset, const void *bytes, size_t length) {
  struct record head = {.kind = (uint8_t)kind, .offset = offset, .bytes = length};
  struct iovec part = {(void *)bytes, length};
  append(&head, name, &part, 1);
}

static size_t total(const struct iovec *parts, int count) {
  size_t sum = 0;
  for (int at = 0; at < count; at++) sum += parts[at].iov_len;
  return sum;
}

/* Only the first `limit` bytes of the parts: what a call has really moved. */
static void note_parts(int kind, const char *name, uint32_t stream, uint64_t offset, const struct iovec *parts,
                       int count, size_t limit) {
  struct iovec cut[64];
  int used = 0;
  size_t left = limit;
  for (int at = 0; at < count && used < 64 && left > 0; at++) {
    cut[used] = parts[at];
    if (cut[used].iov_len > left) cut[used].iov_len = left;
    left -= cut[used].iov_len;
    used++;
  }
  struct record head = {.kind = (uint8_t)kind, .stream = stream, .offset = offset, .bytes = limit - left};
  append(&head, name, cut, used);
}

/* ---- faults -------------------------------------------------------------------------------- */

static int error_of(const char *what) {
  if (!strcmp(what, "EIO")) return EIO;
  if (!strcmp(what, "ENOSPC")) return ENOSPC;
  if (!strcmp(what, "EDQUOT")) return EDQUOT;
  if (!strcmp(what, "EFBIG")) return EFBIG;
  return 0;
}

static void arm(const char *spec) {
  char text[NAME_BYTES + 64];
  snprintf(text, sizeof text, "%s", spec);
  char *rest = text, *part[5] = {0};
  for (int at = 0; at < 5; at++) part[at] = strsep(&rest, ":");
  if (!part[3] || fault_count == FAULTS) {
    fprintf(stderr, "recorder: cannot read the fault '%s'\n", spec);
    _exit(97);
  }
  struct fault made = {.nth = atol(part[2]), .always = part[4] && !strcmp(part[4], "always")};
  snprintf(made.op, sizeof made.op, "%s", part[0]);
  snprintf(made.suffix, sizeof made.suffix, "%s", part[1]);
  made.error = error_of(part[3]);
  made.half = !strcmp(part[3], "short");
  made.lie = !strcmp(part[3], "lie");
  made.die = !strcmp(part[3], "kill");
  made.wait_ms = atoi(part[3]);
  if (!made.error && !made.half && !made.lie && !made.die && made.wait_ms <= 0) {
    fprintf(stderr, "recorder: no such effect: '%s'\n", spec);
    _exit(97);
  }
  pthread_mutex_lock(&lock);
  faults[fault_count++] = made;
  pthread_mutex_unlock(&lock);
}

enum { GO = 0, HALF = -1, LIE = -2 };

/* GO, HALF, LIE, or the errno that the call must fail with. */
static int fate(const char *op, const char *name) {
  for (int at = 0; at < fault_count; at++) {
    struct fault *fault = &faults[at];
    size_t a = strlen(name), b = strlen(fault->suffix);
    if (strcmp(fault->op, op) || a < b || strcmp(name + a - b, fault->suffix)) continue;
    pthread_mutex_lock(&lock);
    long seen = ++fault->seen;
    pthread_mutex_unlock(&lock);
    if (seen != fault->nth && !(fault->always && seen > fault->nth)) continue;
    note(FAULTED, name, 0, (uint64_t)fault->error, 0);
    if (fault->die) {
      kill(getpid(), SIGKILL);
      for (;;) pause();
    }
    if (fault->wait_ms > 0) {
      usleep((useconds_t)fault->wait_ms * 1000);
      continue;
    }
    return fault->half ? HALF : fault->lie ? LIE : fault->error;
  }
  return GO;
}

/* ---- descriptors and names ----------------------------------------------------------------- */

static int is_shared_memory(const char *name) {
  size_t length = strlen(name);
  return length > 4 && !strcmp(name + length - 4, "-shm");
}

/* The path relative to the watched directory, "." for itself; NULL when it lies elsewhere. */
static const char *inside(const char *path, char *room, size_t bytes) {
  if (!watched_bytes || !path) return NULL;
  if (path[0] != '/') {
    char here[512];
    if (!getcwd(here, sizeof here)) return NULL;
    snprintf(room, bytes, "%s/%s", here, path);
    path = room;
  }
  if (strncmp(path, watched, watched_bytes)) return NULL;
  if (path[watched_bytes] == 0) return ".";
  if (path[watched_bytes] != '/') return NULL;
  const char *name = path + watched_bytes + 1;
  return is_shared_memory(name) || strlen(name) >= NAME_BYTES ? NULL : name;
}

static int kind_of(int descriptor) {
  if (descriptor < 0 || descriptor >= DESCRIPTORS) return OTHER;
  if (table[descriptor].kind != UNKNOWN) return table[descriptor].kind;
  struct stat found;
  int kind = OTHER;
  if (with_sockets && fstat(descriptor, &found) == 0 && S_ISSOCK(found.st_mode)) {
    int type = 0;
    socklen_t length = sizeof type;
    getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &length);
    if (type == SOCK_STREAM) {
      kind = A_SOCKET;
      pthread_mutex_lock(&lock);
      table[descriptor].stream = ++streams;
      pthread_mutex_unlock(&lock);
    }
  }
  table[descriptor].kind = (uint8_t)kind;
  return kind;
}

static int remember(int descriptor, const char *name, int flags, int was_there) {
  if (descriptor < 0 || descriptor >= DESCRIPTORS) return descriptor;
  table[descriptor].kind = OTHER;
  if (!name) return descriptor;
  struct stat found;
  fstat(descriptor, &found);
  snprintf(table[descriptor].name, NAME_BYTES, "%s", name);
  table[descriptor].kind = S_ISDIR(found.st_mode) ? A_DIRECTORY : A_FILE;
  if (table[descriptor].kind != A_FILE) return descriptor;
  if (!was_there) note(CREATED, name, 0, 0, 0);
  else if (flags & O_TRUNC) note(TRUNCATED, name, 0, 0, 0);
  return descriptor;
}

static int asked_of_us(const char *path) {
  static const char mark[] = "/prove-mark/", fault[] = "/prove-fault/";
  if (!path || path[0] != '/' || path[1] != 'p') return 0;
  if (!strncmp(path, mark, sizeof mark - 1)) note(MARKED, path + sizeof mark - 1, 0, 0, 0);
  else if (!strncmp(path, fault, sizeof fault - 1)) arm(path + sizeof fault - 1);
  else return 0;
  errno = ENOENT;
  return 1;
}

__attribute__((constructor)) static void begin(void) {
  const char *directory = getenv("PROVE_DIRECTORY"), *log = getenv("PROVE_LOG"), *specs = getenv("PROVE_FAULTS");
  with_sockets = getenv("PROVE_SOCKETS") != NULL;
  if (log) {
    int opened = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    log_descriptor = fcntl(opened, F_DUPFD_CLOEXEC, 1000);
    close(opened);
  }
  if (directory) {
    snprintf(watched, sizeof watched, "%s", directory);
    watched_bytes = strlen(watched);
  }
  char text[4096], *rest = text, *spec;
  snprintf(text, sizeof text, "%s", specs ? specs : "");
  while ((spec = strsep(&rest, ";"))) {
    if (*spec) arm(spec);
  }
}

/* ---- the calls ----------------------------------------------------------------------------- */

#define OPEN(call)                                                       \
  EXPORT int call(const char *path, int flags, ...) {                    \
    mode_t mode = 0;                                                     \
    if (flags & (O_CREAT | __O_TMPFILE)) {                               \
      va_list more;                                                      \
      va_start(more, flags);                                             \
      mode = va_arg(more, mode_t);                                       \
      va_end(more);                                                      \
    }                                                                    \
    REAL(int, call, const char *, int, ...);                             \
    if (asked_of_us(path)) return -1;                                    \
    char room[1024];                                                     \
    const char *own = inside(path, room, sizeof room);                   \
    int was_there = !own || access(path, F_OK) == 0;                     \
    int end = own ? fate("open", own) : GO;                              \
    if (end > 0) {                                                       \
      errno = end;                                                       \
      return -1;                                                         \
    }                                                                    \
    return remember(real_##call(path, flags, mode), own, flags, was_there); \
  }
OPEN(open)
OPEN(open64)

EXPORT int close(int descriptor) {
  REAL(int, close, int);
  if (descriptor >= 0 && descriptor == log_descriptor) return 0;
  if (descriptor >= 0 && descriptor < DESCRIPTORS) table[descriptor].kind = UNKNOWN;
  return real_close(descriptor);
}

/* A new socket may get the number of a descriptor that somebody closed behind our back. */
#define FORGET(name, parameters, arguments)                                                        \
  EXPORT int name parameters {                                                                     \
    static int(*real) parameters;                                                                  \
    if (!real) real = dlsym(RTLD_NEXT, #name);                                                     \
    int descriptor = real arguments;                                                               \
    if (descriptor >= 0 && descriptor < DESCRIPTORS) table[descriptor].kind = UNKNOWN;             \
    return descriptor;                                                                             \
  }
FORGET(accept4, (int socket, struct sockaddr *from, socklen_t *bytes, int flags), (socket, from, bytes, flags))
FORGET(accept, (int socket, struct sockaddr *from, socklen_t *bytes), (socket, from, bytes))

#define PWRITE(call, off)                                                                  \
  EXPORT ssize_t call(int descriptor, const void *bytes, size_t length, off offset) {      \
    REAL(ssize_t, call, int, const void *, size_t, off);                                   \
    if (kind_of(descriptor) != A_FILE) return real_##call(descriptor, bytes, length, offset); \
    int end = fate("write", table[descriptor].name);                                       \
    if (end > 0) {                                                                         \
      errno = end;                                                                         \
      return -1;                                                                           \
    }                                                                                      \
    if (end == HALF && length > 1) length /= 2;                                            \
    ssize_t done = real_##call(descriptor, bytes, length, offset);                         \
    if (done > 0) note_bytes(WROTE, table[descriptor].name, (uint64_t)offset, bytes, (size_t)done); \
    return done;                                                                           \
  }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define PWRITEV(call, off)                                                                   \
  EXPORT ssize_t call(int descriptor, const struct iovec *parts, int count, off offset) {    \
    REAL(ssize_t, call, int, const struct iovec *, int, off);                                \
    if (kind_of(descriptor) != A_FILE) return real_##call(descriptor, parts, count, offset); \
    int end = fate("write", table[descriptor].name);                                         \
    if (end > 0) {                                                                           \
      errno = end;                                                                           \
      return -1;                                                                             \
    }                                                                                        \
    ssize_t done = real_##call(descriptor, parts, end == HALF ? 1 : count, offset);          \
    if (done > 0)                                                                            \
      note_parts(WROTE, table[descriptor].name, 0, (uint64_t)offset, parts, count, (size_t)done); \
    return done;                                                                             \
  }
PWRITEV(pwritev, off_t)
PWRITEV(pwritev64, off64_t)

EXPORT ssize_t writev(int descriptor, const struct iovec *parts, int count) {
  REAL(ssize_t, writev, int, const struct iovec *, int);
  int kind = kind_of(descriptor);
  if (kind == A_SOCKET) note_parts(SENDING, "", table[descriptor].stream, 0, parts, count, total(parts, count));
  if (kind != A_FILE) return real_writev(descriptor, parts, count);
  int end = fate("write", table[descriptor].name);
  if (end > 0) {
    errno = end;
    return -1;
  }
  off_t at = lseek(descriptor, 0, SEEK_CUR);
  ssize_t done = real_writev(descriptor, parts, end == HALF ? 1 : count);
  if (done > 0) note_parts(WROTE, table[descriptor].name, 0, (uint64_t)at, parts, count, (size_t)done);
  return done;
}

EXPORT ssize_t write(int descriptor, const void *bytes, size_t length) {
  REAL(ssize_t, write, int, const void *, size_t);
  struct iovec part = {(void *)bytes, length};
  int kind = kind_of(descriptor);
  if (kind == A_SOCKET) note_parts(SENDING, "", table[descriptor].stream, 0, &part, 1, length);
  if (kind != A_FILE) return real_write(descriptor, bytes, length);
  int end = fate("write", table[descriptor].name);
  if (end > 0) {
    errno = end;
    return -1;
  }
  if (end == HALF && length > 1) length /= 2;
  int appends = fcntl(descriptor, F_GETFL) & O_APPEND;
  off_t at = lseek(descriptor, 0, appends ? SEEK_END : SEEK_CUR);
  ssize_t done = real_write(descriptor, bytes, length);
  if (done > 0) note_bytes(WROTE, table[descriptor].name, (uint64_t)at, bytes, (size_t)done);
  return done;
}

EXPORT ssize_t sendmsg(int descriptor, const struct msghdr *message, int flags) {
  REAL(ssize_t, sendmsg, int, const struct msghdr *, int);
  if (kind_of(descriptor) == A_SOCKET) {
    size_t bytes = total(message->msg_iov, (int)message->msg_iovlen);
    note_parts(SENDING, "", table[descriptor].stream, 0, message->msg_iov, (int)message->msg_iovlen, bytes);
  }
  return real_sendmsg(descriptor, message, flags);
}

EXPORT ssize_t read(int descriptor, void *bytes, size_t length) {
  REAL(ssize_t, read, int, void *, size_t);
  int kind = kind_of(descriptor);
  if (kind == A_FILE) {
    int end = fate("read", table[descriptor].name);
    if (end > 0) {
      errno = end;
      return -1;
    }
  }
  ssize_t done = real_read(descriptor, bytes, length);
  if (kind == A_SOCKET && done > 0) {
    struct iovec part = {bytes, (size_t)done};
    note_parts(RECEIVED, "", table[descriptor].stream, 0, &part, 1, (size_t)done);
  }
  return done;
}

#define PREAD(call, off)                                                       \
  EXPORT ssize_t call(int descriptor, void *bytes, size_t length, off offset) { \
    REAL(ssize_t, call, int, void *, size_t, off);                             \
    if (kind_of(descriptor) == A_FILE) {                                       \
      int end = fate("read", table[descriptor].name);                          \
      if (end > 0) {                                                           \
        errno = end;                                                           \
        return -1;                                                             \
      }                                                                        \
    }                                                                          \
    return real_##call(descriptor, bytes, length, offset);                     \
  }
PREAD(pread, off_t)
PREAD(pread64, off64_t)

#define FTRUNCATE(call, off)                                             \
  EXPORT int call(int descriptor, off length) {                          \
    REAL(int, call, int, off);                                           \
    if (kind_of(descriptor) != A_FILE) return real_##call(descriptor, length); \
    int end = fate("truncate", table[descriptor].name);                  \
    if (end > 0) {                                                       \
      errno = end;                                                       \
      return -1;                                                         \
    }                                                                    \
    int done = real_##call(descriptor, length);                          \
    if (done == 0) note(TRUNCATED, table[descriptor].name, 0, (uint64_t)length, 0); \
    return done;                                                         \
  }
FTRUNCATE(ftruncate, off_t)
FTRUNCATE(ftruncate64, off64_t)

static int sync_with(int (*real)(int), int descriptor) {
  int kind = kind_of(descriptor);
  if (kind != A_FILE && kind != A_DIRECTORY) return real(descriptor);
  const char *name = table[descriptor].name;
  int directory = kind == A_DIRECTORY;
  pthread_mutex_lock(&lock);
  uint64_t pair = ++pairs;
  pthread_mutex_unlock(&lock);
  note(SYNC_BEGAN, name, directory, 0, pair);
  int end = fate("sync", directory && name[0] != '.' ? "." : name);
  if (end == LIE) return 0;
  int done = end > 0 ? -1 : real(descriptor);
  if (end > 0) errno = end;
  note(done == 0 ? SYNC_ENDED : SYNC_FAILED, name, directory, 0, pair);
  return done;
}

EXPORT int fsync(int descriptor) {
  REAL(int, fsync, int);
  return sync_with(real_fsync, descriptor);
}

EXPORT int fdatasync(int descriptor) {
  REAL(int, fdatasync, int);
  return sync_with(real_fdatasync, descriptor);
}

#define UNLINK(call)                                        \
  EXPORT int call(const char *path) {                       \
    REAL(int, call, const char *);                          \
    char room[1024];                                        \
    const char *own = inside(path, room, sizeof room);      \
    int end = own ? fate("unlink", own) : GO;               \
    if (end > 0) {                                          \
      errno = end;                                          \
      return -1;                                            \
    }                                                       \
    int done = real_##call(path);                           \
    if (own && done == 0) note(UNLINKED, own, 0, 0, 0);     \
    return done;                                            \
  }
UNLINK(unlink)
UNLINK(remove)

EXPORT int link(const char *from, const char *to) {
  REAL(int, link, const char *, const char *);
  char room[1024], more[1024];
  const char *own = inside(from, room, sizeof room), *next = inside(to, more, sizeof more);
  int done = real_link(from, to);
  if (done == 0 && own && next) note_bytes(LINKED, own, 0, next, strlen(next));
  return done;
}

EXPORT int rename(const char *from, const char *to) {
  REAL(int, rename, const char *, const char *);
  char room[1024], more[1024];
  const char *own = inside(from, room, sizeof room), *next = inside(to, more, sizeof more);
  int end = own ? fate("rename", own) : GO;
  if (end > 0) {
    errno = end;
    return -1;
  }
  int done = real_rename(from, to);
  if (done == 0 && own && next) note_bytes(RENAMED, own, 0, next, strlen(next));
  return done;
}

EXPORT int mkdir(const char *path, mode_t mode) {
  REAL(int, mkdir, const char *, mode_t);
  char room[1024];
  const char *own = inside(path, room, sizeof room);
  int done = real_mkdir(path, mode);
  if (own && done == 0) note(MADE_DIRECTORY, own, 1, 0, 0);
  return done;
}
