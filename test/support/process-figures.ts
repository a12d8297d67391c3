/** What the kernel says of a running process. Linux: proc(5). */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

const kibibyte = 1_024;

export function residentBytes(pid: number): number {
  const found = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${String(pid)}/status`, "utf8"));
  if (found?.[1] === undefined) throw new Error(`process ${String(pid)} has no VmRSS`);
  return Number(found[1]) * kibibyte;
}

export function openDescriptors(pid: number): number {
  return descriptors(pid).length;
}

export function openSockets(pid: number): number {
  return descriptors(pid).filter((target) => target.startsWith("socket:")).length;
}

function descriptors(pid: number): string[] {
  const directory = `/proc/${String(pid)}/fd`;
  return readdirSync(directory).flatMap((name) => {
    try {
      return [readlinkSync(`${directory}/${name}`)];
    } catch (cause) {
      // Closed since it was listed.
      if ((cause as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw cause;
    }
  });
}
