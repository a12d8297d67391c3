/**
 * A run of the proof that was killed leaves its directory on the user's disk: files, daemons that it
 * had started, perhaps a small file system. Nobody can clean up after SIGKILL but the next run, so
 * a directory carries in its name whose it is: the process, the moment it was started at, and the
 * namespace that its number counts in. Only what is certainly dead is taken away.
 */
import { spawnSync } from "node:child_process";
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
} from "node:fs";
import { join } from "node:path";

const pattern = /^kvdb-prove-(\d+)-(\d+)-(\d+)-\w{6}$/;
/** Of /proc/<pid>/stat, behind the name of the program: when it was started, in ticks. */
const startedField = 19;

interface Owner {
  readonly namespace: string;
  readonly pid: string;
  readonly started: string;
}

/** A directory of this run, without links in its path. */
export function proofDirectory(parent: string): string {
  const pid = String(process.pid);
  const prefix = `kvdb-prove-${namespaceHere()}-${pid}-${startedAt(pid) ?? "0"}-`;
  return realpathSync(mkdtempSync(join(parent, prefix)));
}

/** Takes away what dead runs left in a directory. Returns the paths that are gone. */
export function clearLeftovers(parent: string): string[] {
  const left = readdirSync(parent).filter((name) => {
    const [, namespace, pid, started] = pattern.exec(name) ?? [];
    if (namespace === undefined || pid === undefined || started === undefined) return false;
    return isDead({ namespace, pid, started });
  });
  return left.map((name) => {
    const path = join(realpathSync(parent), name);
    killThoseOf(path);
    // The innermost first; what is still mounted must not be emptied through its name.
    for (const mounted of mountsIn(path).reverse()) spawnSync("umount", ["-l", mounted]);
    rmSync(path, { recursive: true, force: true });
    return path;
  });
}

/** False where it cannot be known: a number means nothing outside of its namespace. */
function isDead({ namespace, pid, started }: Owner): boolean {
  return namespace === namespaceHere() && startedAt(pid) !== started;
}

function namespaceHere(): string {
  return /\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0] ?? "0";
}

/** Undefined: there is no such process. */
function startedAt(pid: string): string | undefined {
  const stat = readProc(pid, "stat");
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[startedField];
}

/** Daemons outlive the run that was killed; each names its file, which is in the directory. */
function killThoseOf(path: string): void {
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    if (readProc(pid, "cmdline")?.includes(`${path}/`) !== true) continue;
    try {
      process.kill(Number(pid), "SIGKILL");
    } catch {
      // It has ended meanwhile, or is somebody else's: then its files are not ours either.
    }
  }
}

function mountsIn(path: string): string[] {
  const mounts = (readProc("self", "mountinfo") ?? "").split("\n");
  return mounts
    .map((line) => line.split(" ")[4] ?? "")
    .filter((mounted) => mounted.startsWith(`${path}/`));
}

function readProc(pid: string, name: string): string | undefined {
  try {
    return readFileSync(join("/proc", pid, name), "utf8");
  } catch {
    return undefined;
  }
}
