/** kvdb lease */
import {
  answerJson,
  type KvClient,
  type Lease,
  leaseMethods,
  ProtoSchema,
} from "../../client/index.js";
import { CliError, usageError } from "../cli-error.js";
import type { Command, Invocation } from "../command.js";
import { requestIdFlag } from "../conditions.js";
import { headerJson, revisionText } from "../entries.js";
import type { ExitName } from "../exit-codes.js";
import { alignedTable, nameAndValue, showBytes, showCount, showSpan, showTime } from "../show.js";

const nanosPerMs = 1_000_000;
const actions = ["list", "grant", "get", "keep", "revoke"] as const;
type Action = (typeof actions)[number];

export const lease: Command = {
  name: "lease",
  summary: "Grant, show, keep alive or revoke leases; keys bound to one end with it.",
  positionals: [
    { name: "ACTION", doc: `One of ${actions.join(", ")}. Default: list.`, optional: true },
    {
      name: "ID",
      doc: "The lease, for get, keep and revoke; for grant the id wanted.",
      optional: true,
    },
  ],
  flags: {
    ttl: {
      kind: "duration",
      placeholder: "TIME",
      doc: "For grant: the time without being kept alive.",
    },
    keys: { kind: "switch", doc: "For get: the keys bound to it too." },
    ...requestIdFlag,
  },
  details:
    "keep sets the lease back to its full time, once. Bind a key with `kvdb put --lease ID`.",
  examples: ["kvdb lease grant --ttl 30s", "kvdb lease get 7 --keys", "kvdb lease revoke 7"],
  run: async (call) => {
    const [word = "list", id] = call.args;
    const action = actions.find((known) => known === word);
    if (action === undefined) {
      throw usageError(`lease has no action ${word}`, `it has ${actions.join(", ")}`);
    }
    const leaseId = idFrom(action, id);
    const ttlMs = call.flags.durationMs("ttl");
    if ((action === "grant") !== (ttlMs !== undefined)) {
      throw usageError("--ttl belongs to grant, and grant needs it", "such as --ttl 30s");
    }
    const client = await call.connect();
    return await act(call, client, { action, leaseId, ttlMs: ttlMs ?? 0 });
  },
};

function idFrom(action: Action, id: string | undefined): bigint {
  if (id === undefined && (action === "list" || action === "grant")) return 0n;
  if (id !== undefined && /^\d{1,20}$/.test(id) && BigInt(id) < 2n ** 64n) return BigInt(id);
  throw usageError(`lease ${action} needs the ID of a lease`, "`kvdb lease list` shows them");
}

interface Wanted {
  readonly action: Action;
  readonly leaseId: bigint;
  readonly ttlMs: number;
}

async function act(call: Invocation, client: KvClient, wanted: Wanted): Promise<ExitName> {
  const { flags, out, namespace, signal } = call;
  const { leaseId, ttlMs } = wanted;
  const requestId = flags.text("request-id") ?? "";
  switch (wanted.action) {
    case "list":
      return await showAll(call, client);
    case "grant": {
      const nanos = (ttlMs % 1_000) * nanosPerMs;
      const ttl = { seconds: BigInt(Math.floor(ttlMs / 1_000)), nanos };
      const request = { namespace, requestId, leaseId, ttl };
      const answer = await client.leases.grantLease(request, { signal });
      return await showOne(call, answer.lease, leaseMethods.grantLease, answer);
    }
    case "get": {
      const request = { namespace, leaseId, keys: flags.switched("keys") };
      const answer = await client.leases.getLease(request, { signal });
      const keys = answer.keys.map((key) => `  ${showBytes(key)}`);
      const bound = ["", `keys: ${showCount(answer.keyCount)}`, ...keys];
      return await showOne(call, answer.lease, leaseMethods.getLease, answer, bound);
    }
    case "keep":
      return await keep(call, client, leaseId);
    case "revoke": {
      const request = { namespace, requestId, leaseId };
      const { header, deletedCount } = await client.leases.revokeLease(request, { signal });
      await out.answer(
        () => ({ header: headerJson(header), deletedCount }),
        () => [`revoked, keys deleted: ${showCount(deletedCount)}, ${revisionText(header)}`],
      );
      return "ok";
    }
  }
}

async function keep(call: Invocation, client: KvClient, leaseId: bigint): Promise<ExitName> {
  const { namespace, signal } = call;
  const once = (async function* () {
    yield await Promise.resolve({ namespace, leaseId });
  })();
  for await (const answer of client.leases.keepAliveLease(once, { signal })) {
    if (answer.lease === undefined) break;
    return await showOne(call, answer.lease, leaseMethods.keepAliveLease, answer);
  }
  throw new CliError("not-found", `there is no lease ${String(leaseId)}`, {
    hint: "it ran out or was revoked; grant a new one",
  });
}

async function showAll(call: Invocation, client: KvClient): Promise<ExitName> {
  const { namespace, out, signal } = call;
  const schema = await ProtoSchema.load();
  const leases: Lease[] = [];
  const json: unknown[] = [];
  let pageToken = "";
  do {
    const page = await client.leases.listLeases({ namespace, pageToken }, { signal });
    leases.push(...page.leases);
    json.push(...(answerJson(schema, leaseMethods.listLeases, page)["leases"] as unknown[]));
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  await out.answer(
    () => ({ leases: json }),
    () => alignedTable(["lease", "time", "left", "runs out"], leases.map(leaseCells)),
  );
  return "ok";
}

function leaseCells({ leaseId, ttl, remainingTtl, expireTime }: Lease): readonly string[] {
  return [String(leaseId), showSpan(ttl), showSpan(remainingTtl), showTime(expireTime)];
}

async function showOne<Answer>(
  { out }: Invocation,
  shown: Lease | undefined,
  row: Parameters<typeof answerJson<Answer>>[1],
  answer: Answer,
  more: readonly string[] = [],
): Promise<ExitName> {
  if (shown === undefined) {
    throw new CliError("general", "the answer names no lease", { hint: "see the daemon's log" });
  }
  const [id = "", time = "", left = "", runsOut = ""] = leaseCells(shown);
  await out.answer(
    async () => answerJson(await ProtoSchema.load(), row, answer),
    () => [
      ...nameAndValue([
        ["lease", id],
        ["time", time],
        ["left", left],
        ["runs out", runsOut],
      ]),
      ...more,
    ],
  );
  return "ok";
}
