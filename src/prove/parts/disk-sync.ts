/**
 * Whether a sync on this disk is one. Everything else here assumes it, and no program can prove it:
 * what is below the kernel may say yes and keep the bytes in memory. What can be seen is whether there
 * is a disk at all, how it is mounted, and whether a sync takes as long as the fastest storage needs.
 */
import { closeSync, fsyncSync, openSync, readFileSync, statSync, writeSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../foundation/clock.js";
import { type PartReport, type ProveContext, reportOf, withDirectory } from "../part.js";

const blockBytes = 4096;
const microsecondsPerMs = 1_000;
/**
 * Storage that keeps its cache alive without power answers a flush in some ten microseconds, others
 * need a hundred and more; a sync below this has reached nothing that outlives a power cut.
 */
const fastestSyncUs = 8;

const memoryFileSystems: ReadonlyMap<number, string> = new Map([
  [0x01021994, "tmpfs"],
  [0x858458f6, "ramfs"],
]);

/** What a sync usually takes, by kind of storage, in microseconds; the first that is not exceeded. */
const classes: readonly { readonly untilUs: number; readonly storage: string }[] = [
  { untilUs: 60, storage: "a drive with a protected cache, or a virtual disk that does not flush" },
  { untilUs: 1_000, storage: "a solid-state drive, or a virtual disk with a cache on its host" },
  { untilUs: 6_000, storage: "a consumer solid-state drive, or a network volume" },
  { untilUs: Number.POSITIVE_INFINITY, storage: "a rotating disk, or one that is very busy" },
];

export interface DiskSyncSize {
  readonly syncs: number;
}

export async function proveDiskSync(
  context: ProveContext,
  size: DiskSyncSize,
): Promise<PartReport> {
  return withDirectory(context, "disk-sync", async (directory) => {
    context.progress(`measuring ${String(size.syncs)} syncs`);
    const { type } = await statfs(directory);
    const memory = memoryFileSystems.get(type);
    const plain = latencies(directory, size.syncs, { sync: false, clock: context.clock });
    const synced = latencies(directory, size.syncs, { sync: true, clock: context.clock });
    const middleUs = quantile(synced, 0.5);
    const facts = [
      `a write with a sync: ${spread(synced)}; without: ${spread(plain)}`,
      ...mountFacts(directory),
    ];
    const storage = classes.find(({ untilUs }) => middleUs <= untilUs)?.storage ?? "";
    if (memory === undefined) facts.push(`that is what one sees of ${storage}`);
    const notProven = doubtOf(directory, memory, middleUs);
    return reportOf(
      {
        name: "disk-sync",
        title: "a sync takes as long as storage needs (that it reaches it, only a power cut shows)",
        tried: synced.length,
        unit: "syncs measured",
        facts,
        notProven,
        ...(notProven !== undefined && { missing: "disk" }),
      },
      [],
    );
  });
}

function doubtOf(
  directory: string,
  memory: string | undefined,
  middleUs: number,
): string | undefined {
  if (memory !== undefined) return `there is no disk: this is ${memory}, gone with the power`;
  const mounted = mountOf(directory);
  const options = mounted?.options.split(",") ?? [];
  const off = options.find((option) => ["nobarrier", "barrier=0"].includes(option));
  if (off !== undefined) return `mounted with ${off}: syncs are not passed on to the disk`;
  if (middleUs >= fastestSyncUs) return undefined;
  return `a sync takes ${middleUs.toFixed(1)} µs in the middle, less than any storage needs`;
}

/** Microseconds, ascending. */
function latencies(
  directory: string,
  count: number,
  { sync, clock }: { readonly sync: boolean; readonly clock: Clock },
): readonly number[] {
  const block = Buffer.alloc(blockBytes, 0x5a);
  const descriptor = openSync(join(directory, sync ? "synced" : "plain"), "w", 0o600);
  try {
    const found: number[] = [];
    for (let at = 0; at < count; at++) {
      const beganMs = clock.monotonicMs();
      writeSync(descriptor, block, 0, blockBytes, at * blockBytes);
      if (sync) fsyncSync(descriptor);
      found.push((clock.monotonicMs() - beganMs) * microsecondsPerMs);
    }
    return found.sort((a, b) => a - b);
  } finally {
    closeSync(descriptor);
  }
}

function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

function spread(sorted: readonly number[]): string {
  const at = (part: number): string => quantile(sorted, part).toFixed(0);
  return `${at(0)} µs at best, ${at(0.5)} in the middle, ${at(0.99)} for 99 of 100`;
}

interface Mount {
  readonly point: string;
  readonly type: string;
  readonly options: string;
}

/** The file system that the directory is on, as the kernel lists it. */
function mountOf(directory: string): Mount | undefined {
  const mounts = readText("/proc/self/mounts")
    .split("\n")
    .map((line) => line.split(" "))
    .map(([, point = "", type = "", options = ""]) => ({ point, type, options }))
    .filter(({ point }) => point !== "" && isBelow(directory, point));
  return mounts.sort((a, b) => a.point.length - b.point.length).at(-1);
}

function isBelow(directory: string, point: string): boolean {
  return directory === point || directory.startsWith(point === "/" ? point : `${point}/`);
}

function mountFacts(directory: string): readonly string[] {
  const mounted = mountOf(directory);
  if (mounted === undefined) return [];
  const { type, options, point } = mounted;
  const cache = writeCacheOf(directory);
  return [
    `${type} on ${point} (${options})`,
    ...(cache === "" ? [] : [`the kernel treats the device's cache as "${cache}"`]),
  ];
}

function writeCacheOf(directory: string): string {
  const { dev } = statSync(directory, { bigint: true });
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn);
  const minor = (dev & 0xffn) | ((dev >> 12n) & ~0xffn);
  const device = `/sys/dev/block/${String(major)}:${String(minor)}`;
  const whole = readText(`${device}/queue/write_cache`);
  return (whole === "" ? readText(`${device}/../queue/write_cache`) : whole).trim();
}

/** What the kernel does not tell is left out of the report. */
function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    // Not every kernel has every file.
    return "";
  }
}
