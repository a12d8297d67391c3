/** kvdb smoke */
import { type KvClient, KvError } from "../../client/index.js";
import type { Command, Invocation } from "../command.js";
import { describeError } from "../describe-error.js";
import { showDuration } from "../durations.js";

interface Step {
  readonly name: string;
  /** Undefined: as it should be. Else what is wrong. */
  readonly run: (scratch: Scratch) => Promise<string | undefined>;
}

interface Scratch {
  readonly client: KvClient;
  readonly signal: AbortSignal;
  /** No other run uses keys below it. */
  readonly prefix: string;
}

const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString("utf8");
const bytes = (of: string): Uint8Array => Buffer.from(of, "utf8");
/** One for all runs: a namespace cannot be deleted, so each run has a prefix of its own in it. */
const namespace = "kvdb-smoke";

const steps: readonly Step[] = [
  {
    name: "put a new key, if absent",
    run: async ({ client, signal, prefix }) => {
      const condition = { condition: { $case: "ifAbsent", value: true } } as const;
      await client.kv.put(
        { namespace, key: bytes(`${prefix}a`), value: bytes("one"), condition },
        { signal },
      );
      return undefined;
    },
  },
  {
    name: "put it again, if absent: ALREADY_EXISTS",
    run: async ({ client, signal, prefix }) => {
      const condition = { condition: { $case: "ifAbsent", value: true } } as const;
      const request = { namespace, key: bytes(`${prefix}a`), value: bytes("two"), condition };
      return await expectRefusal("KEY_EXISTS", client.kv.put(request, { signal }));
    },
  },
  {
    name: "get it",
    run: async ({ client, signal, prefix }) => {
      const { kv } = await client.kv.get({ namespace, key: bytes(`${prefix}a`) }, { signal });
      return same("value", "one", text(kv?.value)) ?? same("version", "1", String(kv?.version));
    },
  },
  {
    name: "put it, if at version 1",
    run: async ({ client, signal, prefix }) => {
      const condition = { condition: { $case: "ifVersion", value: 1n } } as const;
      await client.kv.put(
        { namespace, key: bytes(`${prefix}a`), value: bytes("two"), condition },
        { signal },
      );
      const { kv } = await client.kv.get({ namespace, key: bytes(`${prefix}a`) }, { signal });
      return same("version", "2", String(kv?.version));
    },
  },
  {
    name: "put it again, if at version 1: ABORTED",
    run: async ({ client, signal, prefix }) => {
      const condition = { condition: { $case: "ifVersion", value: 1n } } as const;
      const request = { namespace, key: bytes(`${prefix}a`), value: bytes("no"), condition };
      return await expectRefusal("CONDITION_FAILED", client.kv.put(request, { signal }));
    },
  },
  {
    name: "send one request twice: one effect",
    run: async ({ client, signal, prefix }) => {
      const request = {
        namespace,
        key: bytes(`${prefix}counter`),
        delta: 5n,
        requestId: client.newRequestId(),
      };
      const first = await client.kv.increment(request, { signal });
      const again = await client.kv.increment(request, { signal });
      return same("number", "5", String(first.value)) ?? same("answer", "5", String(again.value));
    },
  },
  {
    name: "increment",
    run: async ({ client, signal, prefix }) => {
      const request = { namespace, key: bytes(`${prefix}counter`), delta: -2n };
      const { value } = await client.kv.increment(request, { signal });
      return same("number", "3", String(value));
    },
  },
  {
    name: "rename",
    run: async ({ client, signal, prefix }) => {
      const { kv } = await client.kv.rename(
        { namespace, key: bytes(`${prefix}a`), newKey: bytes(`${prefix}b`) },
        { signal },
      );
      const old = await client.kv.get({ namespace, key: bytes(`${prefix}a`) }, { signal });
      return same("value", "two", text(kv?.value)) ?? same("old key", "", text(old.kv?.value));
    },
  },
  {
    name: "list",
    run: async ({ client, signal, prefix }) => {
      const range = { range: { $case: "prefix", value: bytes(prefix) } } as const;
      const { kvs } = await client.kv.list({ namespace, range }, { signal });
      const found = kvs.map(({ key }) => text(key).slice(prefix.length)).join(" ");
      return same("keys", "b counter", found);
    },
  },
  {
    name: "delete",
    run: async ({ client, signal, prefix }) => {
      const { deleted } = await client.kv.delete(
        { namespace, key: bytes(`${prefix}b`) },
        { signal },
      );
      const { kv } = await client.kv.get({ namespace, key: bytes(`${prefix}b`) }, { signal });
      return same("deleted", "true", String(deleted)) ?? same("key", "", text(kv?.value));
    },
  },
];

export const smoke: Command = {
  name: "smoke",
  summary: "Try the main operations in a scratch namespace. A failure ends with exit code 11.",
  positionals: [],
  flags: {},
  details: `It works in the namespace ${namespace}, under a prefix of its own that is emptied at the end.`,
  examples: ["kvdb smoke", "kvdb smoke --json"],
  run: async (call) => {
    const client = await call.connect();
    const scratch = { client, signal: call.signal, prefix: `${client.newRequestId()}/` };
    const results: { step: string; milliseconds: number; problem?: string }[] = [];
    for (const step of steps) {
      const beganMs = call.clock.monotonicMs();
      const problem = await attempt(step, scratch);
      const milliseconds = call.clock.monotonicMs() - beganMs;
      results.push({ step: step.name, milliseconds, ...(problem !== undefined && { problem }) });
      if (!call.out.json) {
        const verdict = problem === undefined ? "ok    " : "FAILED";
        await call.out.line(`${verdict} ${step.name} (${showDuration(milliseconds)})`);
        if (problem !== undefined) await call.out.line(`       ${problem}`);
      }
    }
    await removeScratch(call, scratch);
    const failed = results.filter(({ problem }) => problem !== undefined).length;
    await call.out.answer(
      () => ({ passed: results.length - failed, failed, steps: results }),
      () => [`${String(results.length - failed)} of ${String(results.length)} steps passed`],
    );
    return failed === 0 ? "ok" : "test-failed";
  },
};

async function attempt(step: Step, scratch: Scratch): Promise<string | undefined> {
  try {
    return await step.run(scratch);
  } catch (error) {
    if (scratch.signal.aborted) throw error;
    const { message, reason, status } = describeError(error);
    return `${message} (${reason === "" ? status : reason})`;
  }
}

async function removeScratch(call: Invocation, { client, prefix }: Scratch): Promise<void> {
  try {
    const range = { range: { $case: "prefix", value: bytes(prefix) } } as const;
    await client.kv.deleteRange({ namespace, range });
  } catch (cause) {
    // The steps have their verdict already; what stays behind is small and named.
    call.out.note(`keys below ${prefix} stay behind: ${describeError(cause).message}`);
  }
}

function same(what: string, wanted: string, found: string): string | undefined {
  return wanted === found ? undefined : `${what} should be "${wanted}" and is "${found}"`;
}

async function expectRefusal(
  reason: string,
  answer: Promise<unknown>,
): Promise<string | undefined> {
  try {
    await answer;
  } catch (cause) {
    return same("reason", reason, KvError.from(cause).reason);
  }
  return `should have been refused with ${reason}`;
}
