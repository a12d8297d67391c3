/** What a figure depends on beside the code: figures of two machines are not compared. */
import { existsSync, readFileSync, statfsSync } from "node:fs";
import { availableParallelism, release, totalmem } from "node:os";
import { dirname } from "node:path";

const gibibyte = 1_024 ** 3;
/** A disk whose sync takes this much longer than another's is another disk. */
const syncFactorMax = 3;
/** No device answers a sync faster: below it nothing was written anywhere. */
const freeSyncMicros = 20;

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGibibytes: number;
  readonly kernel: string;
  readonly node: string;
  readonly fileSystem: string;
  /** Of an append of 4 KiB and fdatasync, median, in microseconds. */
  readonly diskSyncMicros: number;
}

export function thisMachine(directory: string, diskSyncMicros: number): Machine {
  const processors = existsSync("/proc/cpuinfo") ? readFileSync("/proc/cpuinfo", "utf8") : "";
  const field = (name: string): string | undefined => {
    return new RegExp(`^${name}\\s*: (.*)$`, "m").exec(processors)?.[1];
  };
  const family = `family ${String(field("cpu family"))} model ${String(field("model"))}`;
  return {
    processor: `${field("model name") ?? "unknown"}, ${family}`,
    cores: availableParallelism(),
    memoryGibibytes: Math.round(totalmem() / gibibyte),
    kernel: release(),
    node: process.versions.node,
    fileSystem: fileSystemOf(directory),
    diskSyncMicros: Math.round(diskSyncMicros),
  };
}

/** Why figures of the two must not be compared; nothing when they may. */
export function differences(one: Machine, other: Machine): readonly string[] {
  const names = ["processor", "cores", "memoryGibibytes", "kernel", "fileSystem"] as const;
  const found = names
    .filter((name) => one[name] !== other[name])
    .map((name) => `${name}: ${String(one[name])}, not ${String(other[name])}`);
  const syncs = [one.diskSyncMicros, other.diskSyncMicros] as const;
  if (Math.max(...syncs) > syncFactorMax * Math.min(...syncs)) {
    found.push(`a sync of the disk takes ${String(syncs[0])} µs, not ${String(syncs[1])} µs`);
  }
  return found;
}

/** Whether a sync of this disk cannot have reached a disk. */
export function syncIsFree(machine: Machine): boolean {
  return machine.diskSyncMicros < freeSyncMicros;
}

/** The type in the mount table, or the number that statfs gives. */
function fileSystemOf(directory: string): string {
  const mounts = existsSync("/proc/self/mounts") ? readFileSync("/proc/self/mounts", "utf8") : "";
  const points = new Map(
    mounts.split("\n").map((line) => [line.split(" ")[1] ?? "", line.split(" ")[2] ?? ""]),
  );
  for (let path = directory; ; path = dirname(path)) {
    const type = points.get(path);
    if (type !== undefined && type !== "") return type;
    if (path === dirname(path)) return `type ${String(statfsSync(directory).type)}`;
  }
}
