/**
 * The only place that knows what the files of a store are called, and who may own them. A directory
 * that we make is 0700. One that exists keeps its mode: it may be a home or a project, and all our
 * files are 0600 in it anyway. What cannot be tolerated is a directory others may write to, because
 * there they could swap the database, and a file system where processes do not share memory and
 * locks: WAL mode corrupts there.
 */
import { constants } from "node:fs";
import { access, chmod, lstat, mkdir, open, stat, statfs } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { OpenError } from "../../storage/errors.js";
import { absentOnly, codeOf } from "./file-errors.js";

const directoryMode = 0o700;
const fileMode = 0o600;
const groupOrOtherWrite = 0o022;
const groupOrOtherAny = 0o077;
const sticky = 0o1000;

/** Absolute paths of everything that belongs to a store. */
export interface DataFiles {
  readonly directory: string;
  readonly database: string;
  readonly wal: string;
  readonly shm: string;
  readonly journal: string;
  readonly lock: string;
  readonly owner: string;
  /** Written at the end of a clean stop, removed once the next start serves. */
  readonly cleanMarker: string;
  /** How far the store had come; see high-water-mark.ts. */
  readonly highWaterMark: string;
  /** Room that is given up when the disk is full; see reserve-file.ts. */
  readonly reserve: string;
  /** How far the scrubber has come; see integrity/scrub-place.ts. */
  readonly scrub: string;
  readonly quarantine: string;
}

export function dataFiles(file: string): DataFiles {
  const database = resolve(file);
  const directory = dirname(database);
  return {
    directory,
    database,
    wal: `${database}-wal`,
    shm: `${database}-shm`,
    journal: `${database}-journal`,
    lock: `${database}.lock`,
    owner: `${database}.owner`,
    cleanMarker: `${database}.clean`,
    highWaterMark: `${database}.hwm`,
    reserve: `${database}.reserve`,
    scrub: `${database}.scrub`,
    quarantine: join(directory, `${basename(database)}.quarantine`),
  };
}

export interface DirectoryReport {
  readonly files: DataFiles;
  readonly created: boolean;
  /** What was changed or overridden, for the start-up report; empty = nothing to say. */
  readonly remarks: readonly string[];
}

/** File systems on which two processes cannot share a WAL, by their `statfs` type. */
const networkFileSystems: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB2"],
  [0x01021997, "9p"],
  // virtiofs, sshfs and every other FUSE file system report this one type.
  [0x65735546, "FUSE or virtiofs"],
  [0x5346414f, "AFS"],
  [0x00c36400, "Ceph"],
  [0x0bd00bd0, "Lustre"],
  [0x786f4256, "VirtualBox shared folder"],
]);

/** The name of a file system that cannot carry a WAL, or undefined when it can. */
export function networkFileSystemOf(type: number): string | undefined {
  return networkFileSystems.get(type >>> 0);
}

/**
 * Makes the directory when it is missing, and checks directory and files when they are there.
 * Expects the umask 0077. Throws OpenError "permission", "file-system" or "io".
 */
export async function prepareDataDirectory(options: {
  readonly file: string;
  readonly allowNetworkFileSystem: boolean;
}): Promise<DirectoryReport> {
  const files = dataFiles(options.file);
  try {
    const created = await makeDirectory(files.directory);
    const remarks = [
      ...(await checkDirectory(files.directory)),
      ...(await checkFileSystem(files.directory, options.allowNetworkFileSystem)),
      ...(await checkFiles(files)),
    ];
    return { files, created, remarks };
  } catch (cause) {
    throw cause instanceof OpenError ? cause : directoryErrorOf(cause, files.directory);
  }
}

/** Makes a rename or a new file in this directory survive a power cut. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Makes what is missing, from the top. By hand, because `recursive` never ends where a directory
 * cannot be made although its parent exists, as under /proc.
 */
async function makeDirectory(directory: string): Promise<boolean> {
  const missing: string[] = [];
  for (let at = directory; (await stat(at).catch(absentOnly)) === undefined; at = dirname(at)) {
    missing.unshift(at);
  }
  for (const made of missing) {
    await mkdir(made, { mode: directoryMode });
    // SQLite syncs the directory it writes in, never that directory's own entry in its parent.
    await syncDirectory(made);
    await syncDirectory(dirname(made));
  }
  return missing.length > 0;
}

async function checkDirectory(directory: string): Promise<string[]> {
  const found = await stat(directory);
  if (!found.isDirectory()) {
    throw new OpenError("permission", `${directory} is not a directory`, {
      hint: "give a database path whose directory exists or can be made",
    });
  }
  if (process.geteuid !== undefined && found.uid !== process.geteuid()) {
    throw new OpenError("permission", `${directory} belongs to user ${String(found.uid)}`, {
      hint: `run kvdbd as that user, or: chown ${String(process.geteuid())} ${directory}`,
    });
  }
  if ((found.mode & groupOrOtherWrite) !== 0) {
    const shared = (found.mode & sticky) !== 0;
    throw new OpenError(
      "permission",
      `${directory} is writable for others (${octal(found.mode)})`,
      {
        hint: shared
          ? "this is a shared directory: give the database a directory of its own below it"
          : `chmod go-w ${directory}`,
      },
    );
  }
  await access(directory, constants.R_OK | constants.W_OK | constants.X_OK);
  return (found.mode & groupOrOtherAny) === 0
    ? []
    : [`${directory} can be listed by others (${octal(found.mode)}); the files in it are 0600`];
}

async function checkFileSystem(directory: string, allowed: boolean): Promise<string[]> {
  const name = networkFileSystemOf((await statfs(directory)).type);
  if (name === undefined) return [];
  if (allowed)
    return [`${directory} is on ${name}, allowed by configuration: a WAL may corrupt here`];
  throw new OpenError(
    "file-system",
    `${directory} is on ${name}, which cannot carry a shared WAL`,
    {
      hint: "use a local file system such as ext4 or XFS",
    },
  );
}

/** A file that an older umask left readable is closed before SQLite copies its mode to the WAL. */
async function checkFiles(files: DataFiles): Promise<string[]> {
  const remarks: string[] = [];
  const { database, wal, shm, journal, owner, reserve } = files;
  for (const file of [database, wal, shm, journal, owner, reserve]) {
    const found = await lstat(file).catch(absentOnly);
    if (found === undefined) continue;
    if (!found.isFile()) {
      // SQLite follows a link and puts the WAL beside its target, where we would not look.
      throw new OpenError("permission", `${file} is not a plain file`, {
        hint: "give the path of the database itself, not of a link or a device",
      });
    }
    if (process.geteuid !== undefined && found.uid !== process.geteuid()) {
      throw new OpenError("permission", `${file} belongs to user ${String(found.uid)}`, {
        hint: `run kvdbd as that user, or: chown ${String(process.geteuid())} ${file}`,
      });
    }
    if ((found.mode & groupOrOtherAny) === 0) continue;
    await chmod(file, fileMode);
    remarks.push(`${basename(file)} had mode ${octal(found.mode)} and has 0600 now`);
  }
  return remarks;
}

function octal(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, "0");
}

function directoryErrorOf(cause: unknown, directory: string): OpenError {
  const code = codeOf(cause);
  const denied = ["EACCES", "EPERM", "EROFS", "ENOENT", "ENOTDIR", "EEXIST", "ELOOP"].includes(
    code,
  );
  return new OpenError(denied ? "permission" : "io", `${directory} cannot be used (${code})`, {
    cause,
    hint: denied
      ? "give the database a directory that the user who runs kvdbd owns and can write to"
      : "check the disk and the kernel log",
  });
}
