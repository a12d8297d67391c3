/** What network.test.ts tries, case by case; each has a daemon and a network of its own. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { TestContext } from "node:test";
import { statusCode } from "../../src/rpc/status-code.js";
import {
  streamUnsentBytesMax,
  watchBufferBytesMax,
  watchPageBytesMax,
} from "../../src/storage/limits.js";
import * as kv from "../../src/wire/kvdb/v1/kv.js";
import { KeyRange } from "../../src/wire/kvdb/v1/types.js";
import { bytes, ContractClient, readRefusal, text } from "../contract/client.js";
import type { Detour } from "../support/detour.js";
import { mebibytes } from "../support/figures.js";
import { seedFor } from "../support/seed.js";
import { pause, waitFor } from "../support/wait.js";
import { InsistentCallers } from "./insistent-callers.js";
import { type Held, type NetworkedDaemon, startNetworked } from "./networked-daemon.js";

const everything = KeyRange.fromPartial({ range: { $case: "all", value: true } });
const value = new Uint8Array(128 * 1024).fill(7);
const entries = 96;
const putsAtOnce = 8;
/** A peer that says nothing is asked after 30 seconds and given up after 10 more. */
const givenUpMsMax = 180_000;
/** 48 MiB: many times what may be kept of it, so whoever keeps it all is found out. */
const unreadRounds = 4;
/** What may be kept of what a watch does not read: its queue, a page of the log, unsent messages. */
const unreadHeldMax = watchBufferBytesMax + watchPageBytesMax + streamUnsentBytesMax;
/**
 * Some of it lies there twice, as an object and as bytes, and a message more in each of them; the
 * writers leave something too. Measured were 1.8 to 2.2 MiB, and 49 with unsent messages unbounded.
 */
const grownBytesMax = 4 * unreadHeldMax;
const callers = 8;
const deadlineMs = 1_000;
const cutOffMs = 2_500;

export async function vanishedPeer(t: TestContext): Promise<void> {
  const daemon = await startNetworked(t);
  await fill(daemon);
  const before = await daemon.held();
  const way = await daemon.victimsWay();
  const victim = new ContractClient(t, way.address);
  await holdMuch(victim);
  const holding = await daemon.held();
  assert.ok(holding.streams >= before.streams + 3 && holding.watchers > before.watchers);
  const isVictim = (word: string): string => `ip ${word} ${daemon.box.victim} drop`;
  daemon.box.rules({ input: isVictim("saddr"), output: isVictim("daddr") });
  victim.close();
  way.drop();
  await servesOthers(daemon);
  assert.equal((await daemon.held()).clients, holding.clients, "nothing has told the daemon");
  await givenBack(daemon, before);
  await servesOthers(daemon);
}

export async function lostAnswers(t: TestContext): Promise<void> {
  const daemon = await startNetworked(t);
  const way = await daemon.victimsWay();
  const insistent = new InsistentCallers(new ContractClient(t, way.address), deadlineMs);
  const running = insistent.run(callers);
  await moreAnswered(insistent);
  daemon.box.rules({ output: `ip daddr ${daemon.box.victim} drop` });
  await pause(cutOffMs);
  await servesOthers(daemon);
  daemon.box.rules({});
  await moreAnswered(insistent);
  daemon.box.pullCable();
  await pause(cutOffMs);
  daemon.box.plugCable();
  await moreAnswered(insistent);
  insistent.stop();
  await running;
  assert.ok(insistent.unknown >= callers, "every caller was left without an answer");
  const found = await insistent.check(daemon.witness, { isCareless: true });
  t.diagnostic(`${JSON.stringify(found)}, ${insistent.unknown} tries without an answer`);
}

export async function stoppedReader(t: TestContext): Promise<void> {
  const daemon = await startNetworked(t);
  // What writing alone takes is taken by then.
  await fill(daemon);
  const before = await daemon.held();
  const way = await daemon.victimsWay();
  const victim = new ContractClient(t, way.address);
  const watch = victim.kv.watch(kv.WatchRequest.fromPartial({ range: everything }));
  await once(watch, "metadata");
  const seen: bigint[] = [];
  watch.on("data", ({ events }: kv.WatchResponse) => {
    for (const { kv: entry } of events) seen.push(entry?.modRevision ?? 0n);
  });
  const ended = once(watch, "error");
  way.stall();
  const heldBefore = await daemon.heldBytes();
  const first = (await daemon.witness.get({ key: bytes("key-0") })).header?.revision ?? 0n;
  let grown = 0;
  for (let round = 0; round < unreadRounds; round++) {
    await fill(daemon);
    grown = Math.max(grown, (await daemon.heldBytes()) - heldBefore);
  }
  const last = first + BigInt(unreadRounds * entries);
  await waitFor(
    "the watch to be cut",
    async () => {
      return (await daemon.held()).watchers === before.watchers ? true : undefined;
    },
    givenUpMsMax,
  );
  assert.ok(
    grown < grownBytesMax,
    `${grown} bytes for ${unreadRounds * entries * value.length} unread`,
  );
  way.goOn();
  const refusal = readRefusal((await ended)[0]);
  assert.equal(refusal.code, statusCode.RESOURCE_EXHAUSTED);
  assert.equal(refusal.reason, "SLOW_CONSUMER");
  const startRevision = BigInt(refusal.metadata["resume_revision"] ?? -1);
  assert.equal((seen.at(-1) ?? first) + 1n, startRevision, "nothing lies between");
  const again = victim.kv.watch(kv.WatchRequest.fromPartial({ range: everything, startRevision }));
  again.on("data", ({ events }: kv.WatchResponse) => {
    for (const { kv: entry } of events) seen.push(entry?.modRevision ?? 0n);
  });
  again.on("error", () => undefined);
  await waitFor("the rest", () => (seen.at(-1) === last ? true : undefined), givenUpMsMax);
  assert.equal(seen.length, unreadRounds * entries, "each change once");
  again.cancel();
  t.diagnostic(`grown by ${mebibytes(grown)} at most`);
}

export async function resetConnections(t: TestContext): Promise<void> {
  const daemon = await startNetworked(t);
  await fill(daemon);
  const before = await daemon.held();
  const acknowledged: string[] = [];
  for (let round = 0; round < 12; round++) {
    const way = await daemon.victimsWay();
    const victim = new ContractClient(t, way.address);
    await holdMuch(victim);
    acknowledged.push(...(await writeUntilReset(victim, round, way)));
    victim.close();
    way.drop();
  }
  await givenBack(daemon, before);
  const found = await daemon.witness.batchGet({ keys: acknowledged.map(bytes) });
  assert.deepEqual(
    acknowledged.filter((_key, at) => found.entries[at]?.kv === undefined),
    [],
  );
  await servesOthers(daemon);
  t.diagnostic(`${acknowledged.length} writes acknowledged before a reset`);
}

export async function unreadStreams(t: TestContext): Promise<void> {
  const daemon = await startNetworked(t, { KVDB_SNAPSHOT_MAX_MS: "2000" });
  await fill(daemon);
  const before = await daemon.held();
  const victim = new ContractClient(t, daemon.address);
  const scans = Array.from({ length: 24 }, () => {
    const scan = victim.kv.scan(kv.ScanRequest.fromPartial({ range: everything }));
    scan.on("error", () => undefined);
    return scan;
  });
  await Promise.all(scans.map((scan) => once(scan, "readable")));
  assert.ok((await daemon.held()).streams >= before.streams + scans.length);
  for (let call = 0; call < 50; call++) {
    await victim.put({ key: bytes(`beside-${call}`), value: bytes("x") });
    assert.equal(text((await victim.get({ key: bytes(`beside-${call}`) })).kv?.value), "x");
  }
  await servesOthers(daemon);
  await waitFor("the snapshots", async () => {
    return (await daemon.held()).snapshots === before.snapshots ? true : undefined;
  });
  for (const scan of scans) scan.cancel();
  victim.close();
  await givenBack(daemon, before);
}

export async function lossyLine(t: TestContext): Promise<void> {
  const daemon = await startNetworked(t);
  const { random } = seedFor(t);
  const lossy = "numgen random mod 20 < 1 drop";
  const of = (word: string): string => `ip ${word} ${daemon.box.victim} ${lossy}`;
  daemon.box.rules({ input: of("saddr"), output: of("daddr") });
  const way = await daemon.victimsWay(() => 5 + random.below(40));
  const insistent = new InsistentCallers(new ContractClient(t, way.address), 10 * deadlineMs);
  const running = insistent.run(callers);
  await waitFor("answers", () => (insistent.answered >= 400 ? true : undefined), givenUpMsMax);
  insistent.stop();
  await running;
  const found = await insistent.check(daemon.witness, { isCareless: false });
  t.diagnostic(`${JSON.stringify(found)}, ${insistent.unknown} tries without an answer`);
}

/** Twelve mebibytes, more than any buffer on the way. */
async function fill({ witness }: NetworkedDaemon): Promise<void> {
  for (let at = 0; at < entries; at += putsAtOnce) {
    const keys = Array.from({ length: putsAtOnce }, (_none, next) => bytes(`key-${at + next}`));
    await Promise.all(keys.map((key) => witness.put({ key, value })));
  }
}

/** A watch, a scan that is not read to its end, and a pipeline with an answer; all left open. */
async function holdMuch(client: ContractClient): Promise<void> {
  const watch = client.kv.watch(kv.WatchRequest.fromPartial({ range: everything }));
  const scan = client.kv.scan(kv.ScanRequest.fromPartial({ range: everything }));
  const pipeline = client.kv.pipeline();
  // They end with their connection, as they are meant to.
  for (const stream of [watch, scan, pipeline]) stream.on("error", () => undefined);
  const answered = once(pipeline, "data");
  const get = { $case: "get" as const, value: { key: bytes("key-0") } };
  pipeline.write(kv.PipelineRequest.fromPartial({ id: 1n, operation: get }));
  await Promise.all([once(watch, "metadata"), once(scan, "readable"), answered]);
}

/** Writes over a pipeline, and resets when some were answered. The keys of those that were. */
async function writeUntilReset(
  client: ContractClient,
  round: number,
  way: Detour,
): Promise<readonly string[]> {
  const pipeline = client.kv.pipeline();
  const ended = new Promise((resolve) => pipeline.once("error", resolve));
  const answered: string[] = [];
  pipeline.on("data", ({ id, result }: kv.PipelineResponse) => {
    if (result?.$case === "put") answered.push(`reset/${round}/${id}`);
    if (answered.length === 20) way.reset();
  });
  for (let id = 1n; id <= 200n; id++) {
    const put = { key: bytes(`reset/${round}/${id}`), value: bytes("x") };
    const operation = { $case: "put" as const, value: put };
    pipeline.write(kv.PipelineRequest.fromPartial({ id, operation }));
  }
  await ended;
  return answered;
}

async function servesOthers({ witness }: NetworkedDaemon): Promise<void> {
  for (let call = 0; call < 20; call++) {
    const written = bytes(`witness-${call}`);
    await witness.put({ key: bytes("witness"), value: written });
    assert.deepEqual(
      new Uint8Array((await witness.get({ key: bytes("witness") })).kv?.value ?? []),
      written,
    );
  }
}

async function givenBack(daemon: NetworkedDaemon, before: Held): Promise<void> {
  let now: Held | undefined;
  const isBack = async (): Promise<true | undefined> => {
    now = await daemon.held();
    const names = Object.keys(before) as (keyof Held)[];
    return names.every((name) => (now?.[name] ?? Infinity) <= before[name]) ? true : undefined;
  };
  await waitFor("everything to be given back", isBack, givenUpMsMax).catch(() => {
    assert.deepEqual(now, before);
  });
}

/** So many more than callers that each of them has gone on. */
async function moreAnswered(insistent: InsistentCallers): Promise<void> {
  const goal = insistent.answered + 30 * callers;
  await waitFor(
    "more answers",
    () => (insistent.answered >= goal ? true : undefined),
    givenUpMsMax,
  );
}
