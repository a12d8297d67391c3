/**
 * Who holds POSIX locks on a file, from `/proc/locks`. This is how another process that pins our
 * WAL is named; the file itself is never opened for it, because closing it would drop our locks.
 */
import { readFileSync, statSync } from "node:fs";

export interface ProcessLock {
  readonly pid: number;
  readonly exclusive: boolean;
  /** "major:minor", hexadecimal as the kernel prints it, without leading zeros. */
  readonly device: string;
  readonly inode: string;
  readonly firstByte: number;
  readonly lastByte: number;
}

/** One line per lock that is held; lines of waiters ("->") and other lock kinds are left out. */
export function parseProcessLocks(text: string): ProcessLock[] {
  const locks: ProcessLock[] = [];
  const line =
    /^\d+: (?:POSIX|OFDLCK)\s+\S+\s+(READ|WRITE)\s+(-?\d+) (\w+):(\w+):(\d+) (\d+) (\d+|EOF)/gm;
  for (const [, kind, pid, major, minor, inode, first, last] of text.matchAll(line)) {
    locks.push({
      pid: Number(pid),
      exclusive: kind === "WRITE",
      device: `${hex(Number.parseInt(major ?? "", 16))}:${hex(Number.parseInt(minor ?? "", 16))}`,
      inode: inode ?? "",
      firstByte: Number(first),
      lastByte: last === "EOF" ? Number.POSITIVE_INFINITY : Number(last),
    });
  }
  return locks;
}

/** The locks on one file, by any process, ours included. Empty where the system does not tell. */
export function locksOn(file: string): ProcessLock[] {
  const text = readIfThere("/proc/locks");
  const stat = statSync(file, { bigint: true, throwIfNoEntry: false });
  if (text === undefined || stat === undefined) return [];
  const inode = stat.ino.toString();
  const sameInode = parseProcessLocks(text).filter((lock) => lock.inode === inode);
  const sameDevice = sameInode.filter((lock) => lock.device === deviceOf(stat.dev));
  // A stacked file system reports another device in stat than the kernel's lock table does.
  return sameDevice.length > 0 ? sameDevice : sameInode;
}

/** The C library's packing of a device number, taken apart. */
function deviceOf(device: bigint): string {
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n);
  const minor = (device & 0xffn) | ((device >> 12n) & 0xffffff00n);
  return `${hex(Number(major))}:${hex(Number(minor))}`;
}

function hex(value: number): string {
  return value.toString(16);
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    // Not Linux, or /proc is hidden: naming a culprit is a service, not a safety feature.
    return undefined;
  }
}
