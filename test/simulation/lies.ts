/**
 * Planted mistakes: something stands between an engine and its threads, its clock or its files, and
 * does what none of them does. Each must be found.
 */
import { ByteReader } from "../../src/engine/record/byte-reader.js";
import { ByteWriter } from "../../src/engine/record/byte-writer.js";
import { readRequest, writeRequest } from "../../src/engine/record/request-codec.js";
import type { Random } from "../../src/foundation/random.js";
import type { ToThread } from "../../src/foundation/thread-host.js";
import type { TxnRequest } from "../../src/storage/model.js";
import { honest, type Meddler } from "./network.js";
import type { Lie } from "./plan.js";

/** Once in so many times. */
const seldom = 8;
const losesOneOf = 100;

interface GroupMessage {
  readonly kind: string;
  readonly requests: Uint8Array<ArrayBuffer>;
  readonly count: number;
  readonly skip: readonly number[];
  readonly nowMs: number;
}

interface DoneReply {
  readonly kind: "done";
  readonly entries: readonly unknown[];
}

const lies: readonly (Lie & { readonly lie: string })[] = [
  { lie: "acknowledges a group that a kill takes back", forgetsLastGroup: true },
  { lie: "goes on after another program's commit", hidesForeignWrites: true },
  { lie: "throws away the WAL in the middle of a start", losesWalAtStart: true },
  {
    lie: "forgets the settings that it was given",
    meddler: () => onAdmin("update-namespace", (message) => ({ ...message, settings: {} })),
  },
  {
    lie: "cuts more off a log than it was told to",
    meddler: () => onAdmin("trim-slice", cutting(2n)),
  },
  {
    lie: "leaves what it was told to cut off a log",
    meddler: () => onAdmin("trim-slice", cutting(-2n)),
  },
  {
    lie: "decides two requests of a group in the wrong order",
    meddler: (random) =>
      onGroups(random, (group) => [remade(group, ([a, b, ...rest]) => [b, a, ...rest])]),
  },
  {
    lie: "commits a group twice",
    meddler: (random) => onGroups(random, (group) => [group, structuredClone(group)]),
  },
  {
    lie: "decides a group at a time that has passed",
    meddler: (random) => onGroups(random, (group) => [{ ...group, nowMs: group.nowMs - 2_000 }]),
  },
  {
    lie: "takes a retry for a new request",
    meddler: (random) =>
      onGroups(random, (group) => [
        remade(group, (requests) => requests.map((one) => one && { ...one, requestId: undefined })),
      ]),
  },
  {
    lie: "tells nobody what a commit has changed",
    meddler: (random) =>
      onReplies("writer", random, (reply) => {
        const isDone = (reply as DoneReply | undefined)?.kind === "done";
        return isDone ? { ...(reply as DoneReply), entries: [] } : reply;
      }),
  },
  {
    lie: "gives the page that was read before",
    meddler: (random) => {
      let before: unknown;
      return onReplies("reader", random, (reply, tells) => {
        const isPage = typeof reply === "object" && reply !== null && "more" in reply;
        if (!isPage) return reply;
        const given = tells ? (before ?? reply) : reply;
        before = structuredClone(reply);
        return given;
      });
    },
  },
  {
    lie: "loses an answer",
    meddler: (random) => ({
      ...honest,
      toMain: (_name, sent) => (random.below(losesOneOf) === 0 ? [] : [sent]),
    }),
  },
  {
    lie: "loses a timer",
    clock: (clock) => {
      let set = 0;
      return {
        wallMs: () => clock.wallMs(),
        monotonicMs: () => clock.monotonicMs(),
        every: (periodMs, run) => clock.every(periodMs, run),
        after: (delayMs, run) => (++set % 60 === 0 ? () => undefined : clock.after(delayMs, run)),
      };
    },
  },
];

export function simulationLies(): typeof lies {
  return lies;
}

function onGroups(random: Random, tell: (group: GroupMessage) => readonly GroupMessage[]): Meddler {
  return {
    ...honest,
    toThread: (_thread, sent) => {
      const group = sent.message as GroupMessage;
      if (group.kind !== "commit-group" || random.below(seldom) > 0) return [sent];
      return tell(group).map((message): ToThread => ({ id: sent.id, message }));
    },
  };
}

function onAdmin(kind: string, tell: (message: object) => object): Meddler {
  return {
    ...honest,
    toThread: (_thread, sent) => {
      const message = sent.message as { readonly kind: string };
      return [message.kind === kind ? { id: sent.id, message: tell(message) } : sent];
    },
  };
}

/** So many revisions more than was said, or fewer. */
function cutting(more: bigint): (message: object) => object {
  return (message) => {
    const { upTo } = message as { readonly upTo: bigint };
    return { ...message, upTo: upTo + more > 0n ? upTo + more : 0n };
  };
}

function onReplies(
  thread: string,
  random: Random,
  tell: (reply: unknown, tells: boolean) => unknown,
): Meddler {
  return {
    ...honest,
    toMain: (name, sent) => {
      if (!name.startsWith(thread) || sent.type !== "reply") return [sent];
      const tells = random.below(seldom) === 0;
      if (!tells && thread === "writer") return [sent];
      return [{ ...sent, reply: tell(sent.reply, tells) }];
    },
  };
}

/** The same group with other requests, where there are two and nobody has gone. */
function remade(
  group: GroupMessage,
  change: (requests: readonly (TxnRequest | undefined)[]) => readonly (TxnRequest | undefined)[],
): GroupMessage {
  if (group.skip.length > 0) return group;
  const source = new ByteReader(group.requests);
  const requests = Array.from({ length: group.count }, () => {
    return readRequest(source, group.requests).request;
  });
  const out = new ByteWriter(group.requests.length);
  for (const request of change(requests)) if (request !== undefined) writeRequest(out, request);
  return { ...group, requests: out.finish() };
}
