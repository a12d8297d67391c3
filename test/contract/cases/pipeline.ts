/** Pipeline: independent requests over one stream, each answered for itself, in the stream's order. */
import assert from "node:assert/strict";
import { statusCode } from "../../../src/rpc/status-code.js";
import {
  type DeepPartial,
  PipelineRequest,
  type PipelineResponse,
} from "../../../src/wire/kvdb/v1/kv.js";
import { bytes, type ContractClient, collect, text } from "../client.js";
import type { Cases } from "../runner.js";

type Asked = DeepPartial<NonNullable<PipelineRequest["operation"]>>;

/** One entry per operation, numbered from 1; the answers by their id. */
async function run(
  client: ContractClient,
  operations: readonly Asked[],
): Promise<Map<number, PipelineResponse>> {
  const stream = client.kv.pipeline();
  const answers = collect<PipelineResponse>(stream);
  for (const [at, operation] of operations.entries()) {
    stream.write(PipelineRequest.fromPartial({ id: BigInt(at + 1), operation }));
  }
  stream.end();
  return new Map((await answers).map((answer) => [Number(answer.id), answer]));
}

function put(namespace: string, key: string, value: string): Asked {
  return { $case: "put", value: { namespace, key: bytes(key), value: bytes(value) } };
}

function get(namespace: string, key: string): Asked {
  return { $case: "get", value: { namespace, key: bytes(key) } };
}

/** What a Get answered, or the case of whatever else it was. */
function found(answer: PipelineResponse | undefined): string | undefined {
  const result = answer?.result;
  return result?.$case === "get" ? text(result.value.kv?.value) : result?.$case;
}

export const pipelineCases: Cases = {
  "each request sees what those before it wrote, and not what comes after": async ({
    client,
    namespace,
  }) => {
    const rounds = Array.from({ length: 100 }, (_none, at) => [
      put(namespace, "k", String(at)),
      get(namespace, "k"),
    ]).flat();
    const answers = await run(client, rounds);
    assert.equal(answers.size, 200);
    for (let at = 0; at < 100; at++) assert.equal(found(answers.get(2 * at + 2)), String(at));
  },

  "a refused request is answered with its status, and the others go on": async ({
    client,
    namespace,
  }) => {
    const key = bytes("k");
    const condition = { condition: { $case: "ifAbsent", value: true } } as const;
    const answers = await run(client, [
      put(namespace, "k", "1"),
      { $case: "put", value: { namespace, key, value: bytes("2"), condition } },
      { $case: "increment", value: { namespace, key: bytes(""), delta: 1n } },
      get(namespace, "k"),
    ]);
    const codes = [2, 3].map((id) => {
      const result = answers.get(id)?.result;
      return result?.$case === "status" ? result.value.code : result?.$case;
    });
    assert.deepEqual(codes, [statusCode.ALREADY_EXISTS, statusCode.INVALID_ARGUMENT]);
    assert.equal(found(answers.get(4)), "1");
  },

  "an entry without an operation is refused by itself": async ({ client, namespace }) => {
    const stream = client.kv.pipeline();
    const answers = collect<PipelineResponse>(stream);
    stream.write(PipelineRequest.fromPartial({ id: 7n }));
    stream.write(PipelineRequest.fromPartial({ id: 8n, operation: put(namespace, "k", "1") }));
    stream.end();
    assert.deepEqual(
      (await answers).map(({ id, result }) => [Number(id), result?.$case]),
      [
        [7, "status"],
        [8, "put"],
      ],
    );
  },

  "a list is executed in order, each of its requests for itself": async ({ client, namespace }) => {
    const operations = [
      ...Array.from({ length: 500 }, () => ({
        operation: { $case: "increment", value: { namespace, key: bytes("n"), delta: 1n } },
      })),
      { operation: get(namespace, "n") },
      { operation: { $case: "rename", value: { namespace, key: bytes("none") } } },
    ] as never;
    const answers = await run(client, [{ $case: "operations", value: { operations } }]);
    const result = answers.get(1)?.result;
    assert.ok(result?.$case === "results");
    const { results } = result.value;
    assert.equal(results.length, 502);
    const last = results.at(500)?.result;
    assert.equal(last?.$case === "get" ? text(last.value.kv?.value) : last?.$case, "500");
    assert.equal(results.at(501)?.result?.$case, "status");
  },

  "mutations of one stream share commits, and each is a revision": async ({
    client,
    namespace,
  }) => {
    const answers = await run(
      client,
      Array.from({ length: 1_000 }, (_none, at) => put(namespace, `k${String(at)}`, "v")),
    );
    const revisions = [...answers.values()].map(({ result }) =>
      result?.$case === "put" ? Number(result.value.header?.revision) : 0,
    );
    assert.deepEqual(
      revisions.sort((a, b) => a - b),
      Array.from({ length: 1_000 }, (_none, at) => at + 1),
    );
  },
};
