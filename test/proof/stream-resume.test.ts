/**
 * A Pipeline of increments and a BulkLoad, broken again and again in the middle: the daemon is killed
 * with -9, or the client's connection is torn off as when its process dies. Each time the work goes on
 * behind the last acknowledgement with the same request ids, and in the end every entry has had its
 * effect once: each increment answered the very number that it must.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { ClientDuplexStream } from "@grpc/grpc-js";
import type { Random } from "../../src/foundation/random.js";
import {
  BulkLoadRequest,
  type BulkLoadResponse,
  PipelineRequest,
  type PipelineResponse,
} from "../../src/wire/kvdb/v1/kv.js";
import { bytes, ContractClient, text } from "../contract/client.js";
import { seedFor } from "../support/seed.js";
import { type Daemon, startDaemon } from "../support/spawn-daemon.js";
import { tempDirectory } from "../support/temp-directory.js";

const breaks = 8;
const namespace = "work";
const counters = 7;
const increments = 5_000;
const chunks = 900;
const rowsPerChunk = 10;

test("increments of a pipeline that breaks again and again each happen once", async (t) => {
  const scene = await Scene.start(t);
  const work: Work<PipelineRequest, PipelineResponse> = {
    entries: increments,
    open: (client) => client.kv.pipeline(),
    request: (at) =>
      PipelineRequest.fromPartial({
        id: BigInt(at + 1),
        operation: {
          $case: "increment",
          value: { namespace, key: counterOf(at), delta: 1n, requestId: `entry-${String(at)}` },
        },
      }),
    check: ({ id, result }, at) => {
      assert.equal(id, BigInt(at + 1));
      assert.ok(result?.$case === "increment", result?.$case);
      // So many entries of this counter stand up to here in the stream.
      assert.equal(result.value.value, BigInt(Math.floor(at / counters) + 1));
    },
  };
  await runInPieces(scene, work);
  const client = scene.connect();
  for (let counter = 0; counter < counters; counter++) {
    const { kv, header } = await client.get({ namespace, key: counterOf(counter) });
    const expected = Math.ceil((increments - counter) / counters);
    assert.equal(text(kv?.value), String(expected));
    assert.equal(header?.revision, BigInt(increments), "no entry took a second revision");
  }
});

test("chunks of a load that breaks again and again each are written once", async (t) => {
  const scene = await Scene.start(t);
  const work: Work<BulkLoadRequest, BulkLoadResponse> = {
    entries: chunks,
    open: (client) => client.bulkLoad(),
    request: (at) =>
      BulkLoadRequest.fromPartial({
        namespace,
        chunkId: BigInt(at + 1),
        requestId: `chunk-${String(at)}`,
        kvs: Array.from({ length: rowsPerChunk }, (_none, row) => ({
          key: bytes(`row/${String(at)}/${String(row)}`),
          value: bytes(String(at)),
        })),
      }),
    check: ({ chunkId, header }, at) => {
      assert.equal(chunkId, BigInt(at + 1));
      assert.equal(header?.revision, BigInt(at + 1));
    },
  };
  await runInPieces(scene, work);
  const all = { range: { $case: "all", value: true } } as const;
  const pages = await scene.connect().scan({ namespace, range: all });
  const rows = pages.flatMap(({ kvs }) => kvs);
  assert.equal(rows.length, chunks * rowsPerChunk);
  for (const { key, value, version } of rows) {
    assert.equal(version, 1n, "written once");
    assert.equal(text(key)?.split("/")[1], text(value));
  }
});

interface Work<Request, Response> {
  readonly entries: number;
  open(client: ContractClient): ClientDuplexStream<Request, Response>;
  request(at: number): Request;
  /** The answer to an entry, given in the order of the entries. */
  check(response: Response, at: number): void;
}

/** Sends everything, from behind the last acknowledgement after every break. */
async function runInPieces<Request, Response>(
  scene: Scene,
  work: Work<Request, Response>,
): Promise<void> {
  const share = Math.floor(work.entries / (breaks + 1));
  let acknowledged = 0;
  let sent = 0;
  const counted = (at: number): Request => {
    sent++;
    return work.request(at);
  };
  for (let broken = 0; broken <= breaks; broken++) {
    // Somewhere in its share, so that breaks hit any moment.
    const until = broken === breaks ? work.entries : acknowledged + 1 + scene.random.below(share);
    const client = scene.connect();
    const stream = work.open(client);
    const ended = new Promise<void>((resolve) => {
      stream.once("end", resolve);
      stream.once("error", () => {
        resolve();
      });
    });
    let breaking: Promise<void> | undefined;
    stream.on("data", (response: Response) => {
      work.check(response, acknowledged++);
      if (acknowledged === until && broken < breaks) breaking = scene.tear(broken);
    });
    const sending = sendFrom(stream, { ...work, request: counted }, acknowledged);
    await Promise.race([sending, ended]);
    await ended;
    assert.ok(acknowledged >= until, `the stream ended at ${String(acknowledged)} by itself`);
    await breaking;
    client.close();
  }
  assert.equal(acknowledged, work.entries);
  scene.tell(
    `${String(work.entries)} entries, ${String(sent)} written to streams, ${String(breaks)} breaks`,
  );
}

async function sendFrom<Request, Response>(
  stream: ClientDuplexStream<Request, Response>,
  work: Work<Request, Response>,
  from: number,
): Promise<void> {
  for (let at = from; at < work.entries && !stream.destroyed; at++) {
    if (!stream.write(work.request(at))) await once(stream, "drain");
  }
  stream.end();
}

/** A daemon on its files, and a wire to it that can be torn. */
class Scene {
  readonly random: Random;
  readonly #t: TestContext;
  readonly #file: string;
  readonly #wire: Server;
  readonly #sockets = new Set<Socket>();
  #daemon: Daemon | undefined;
  #port = 0;

  private constructor(t: TestContext) {
    this.#t = t;
    ({ random: this.random } = seedFor(t));
    this.#file = join(tempDirectory(t), "kv.db");
    this.#wire = createServer((near) => {
      const far = connect(this.#port, "127.0.0.1");
      this.#join(near, far);
      this.#join(far, near);
    });
    t.after(() => {
      this.#wire.close();
      this.#tearOff();
    });
  }

  static async start(t: TestContext): Promise<Scene> {
    const scene = new Scene(t);
    scene.#wire.listen(0, "127.0.0.1");
    await once(scene.#wire, "listening");
    await scene.#open();
    return scene;
  }

  connect(): ContractClient {
    const { port } = this.#wire.address() as AddressInfo;
    return new ContractClient(this.#t, `127.0.0.1:${String(port)}`);
  }

  tell(fact: string): void {
    this.#t.diagnostic(fact);
  }

  /** In turns: the daemon dies and comes back, or the client is gone from one moment to the next. */
  async tear(turn: number): Promise<void> {
    if (turn % 2 === 1) {
      this.#tearOff();
      return;
    }
    await this.#daemon?.stop("SIGKILL");
    await this.#open();
  }

  async #open(): Promise<void> {
    this.#daemon = startDaemon(this.#t, { file: this.#file });
    const { grpc } = await this.#daemon.ready();
    this.#port = Number(grpc[0]?.split(":").at(-1));
  }

  #tearOff(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  #join(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.on("error", () => undefined);
    from.once("close", () => {
      this.#sockets.delete(from);
      to.destroy();
    });
    from.pipe(to);
  }
}

function counterOf(at: number): Uint8Array {
  return bytes(`counter-${String(at % counters)}`);
}
