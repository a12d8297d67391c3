/**
 * The daemon itself under a wall clock that jumps while it runs: +1 h, -3 h, +1 day, -1 day, with
 * restarts between. A preloaded library tells it the wrong time; the monotonic clock is left alone,
 * as it is when somebody sets the clock of a machine. The rule is that of clock-steps.test.ts.
 */
import assert from "node:assert/strict";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { GetStatusRequest, type GetStatusResponse } from "../../src/wire/kvdb/v1/admin.js";
import { DeleteReason, WatchRequest, type WatchResponse } from "../../src/wire/kvdb/v1/kv.js";
import {
  GetLeaseRequest,
  type GetLeaseResponse,
  GrantLeaseRequest,
  type GrantLeaseResponse,
  ListLeasesRequest,
  type ListLeasesResponse,
} from "../../src/wire/kvdb/v1/lease.js";
import { answer, bytes, ContractClient, text } from "../contract/client.js";
import { needProgram } from "../support/debian-package.js";
import { type Daemon, startDaemon } from "../support/spawn-daemon.js";
import { tempDirectory } from "../support/temp-directory.js";
import { waitFor } from "../support/wait.js";

const secondsOfHour = 3_600;
const progressMs = 200;

test("a daemon whose clock jumps revives nothing, loses no timer and keeps what has time left", async (t) => {
  const scene = await Scene.start(t);
  await scene.put("longest", 48 * secondsOfHour);
  await scene.put("half an hour", secondsOfHour / 2);
  await scene.grant(7n, secondsOfHour / 2);
  await scene.client.put({ key: bytes("bound"), value: bytes("1"), expiry: leased(7n) });

  scene.setClock("+1h");
  assert.deepEqual(await scene.present(["longest", "half an hour", "bound"]), ["longest"]);
  await scene.sees("half an hour", DeleteReason.DELETE_REASON_EXPIRED);
  await scene.sees("bound", DeleteReason.DELETE_REASON_LEASE_EXPIRED);
  await scene.keepsTime(1);

  scene.setClock("-2h");
  await scene.keepsTime(2);
  await scene.restart("SIGKILL");
  await scene.keepsTime(3);

  scene.setClock("+22h");
  await scene.keepsTime(4);

  scene.setClock("-2h");
  await scene.keepsTime(5);
  await scene.restart("SIGTERM");
  await scene.keepsTime(6);
  assert.deepEqual(await scene.daemon.stop(), { code: 0, signal: null });
});

class Scene {
  readonly #t: TestContext;
  readonly #file: string;
  readonly #clockFile: string;
  readonly #library: string;
  daemon!: Daemon;
  client!: ContractClient;
  #marks = 0;
  readonly #seen = new Map<string, DeleteReason>();

  private constructor(t: TestContext) {
    this.#t = t;
    const directory = tempDirectory(t);
    this.#file = join(directory, "data", "kv.db");
    this.#clockFile = join(directory, "clock");
    this.#library = libraryPath();
  }

  static async start(t: TestContext): Promise<Scene> {
    const scene = new Scene(t);
    scene.setClock("+0");
    await scene.#open();
    return scene;
  }

  /** So far from the true time: the library looks into the file whenever somebody asks the time. */
  setClock(offset: string): void {
    writeFileSync(this.#clockFile, `${offset}\n`);
  }

  async restart(signal: NodeJS.Signals): Promise<void> {
    await this.daemon.stop(signal);
    this.client.close();
    await this.#open();
  }

  put(key: string, ttlSeconds: number): Promise<unknown> {
    const ttl = { $case: "ttl", value: { seconds: BigInt(ttlSeconds), nanos: 0 } } as const;
    return this.client.put({ key: bytes(key), value: bytes("1"), expiry: ttl });
  }

  grant(leaseId: bigint, ttlSeconds: number): Promise<GrantLeaseResponse> {
    const ttl = { seconds: BigInt(ttlSeconds), nanos: 0 };
    const request = GrantLeaseRequest.fromPartial({ leaseId, ttl });
    return answer((done) => this.client.leases.grantLease(request, done));
  }

  /** Those of the keys that are there. */
  async present(keys: readonly string[]): Promise<string[]> {
    const { entries } = await this.client.batchGet({ keys: keys.map(bytes) });
    return entries.flatMap(({ kv }) => (kv === undefined ? [] : [text(kv.key) ?? ""]));
  }

  async sees(key: string, reason: DeleteReason): Promise<void> {
    assert.equal(await waitFor(`the end of ${key}`, () => this.#seen.get(key)), reason);
  }

  /** What must hold after every jump and every restart. */
  async keepsTime(round: number): Promise<void> {
    const gone = ["half an hour", "bound"];
    assert.deepEqual(await this.present(["longest", ...gone]), ["longest"]);
    await this.#leasesTellTheirTime(BigInt(100 + round));
    const [short, long] = [`short-${String(round)}`, `long-${String(round)}`];
    await this.put(short, 1);
    await this.put(long, 120);
    await this.sees(short, DeleteReason.DELETE_REASON_EXPIRED);
    assert.deepEqual(await this.present([short, long]), [long]);
    const { uptime } = await this.#status();
    assert.ok(Number(uptime?.seconds) < secondsOfHour, `up for ${String(uptime?.seconds)} s`);
    const marks = this.#marks;
    await waitFor("two marks of progress", () => (this.#marks >= marks + 2 ? true : undefined));
  }

  /** However it is asked, at most its time is left, and nearly all of it. */
  async #leasesTellTheirTime(leaseId: bigint): Promise<void> {
    const { leases: service } = this.client;
    const granted = await this.grant(leaseId, 600);
    const got = await answer<GetLeaseResponse>((done) =>
      service.getLease(GetLeaseRequest.fromPartial({ leaseId }), done),
    );
    const listed = await answer<ListLeasesResponse>((done) =>
      service.listLeases(ListLeasesRequest.fromPartial({}), done),
    );
    const inList = listed.leases.find((lease) => lease.leaseId === leaseId);
    for (const lease of [granted.lease, got.lease, inList]) {
      const left = Number(lease?.remainingTtl?.seconds);
      assert.ok(left <= 600 && left >= 540, `${String(left)} s left`);
    }
  }

  #status(): Promise<GetStatusResponse> {
    const request = GetStatusRequest.fromPartial({});
    return answer((done) => this.client.admin.getStatus(request, done));
  }

  async #open(): Promise<void> {
    this.daemon = startDaemon(this.#t, {
      file: this.#file,
      env: {
        LD_PRELOAD: this.#library,
        FAKETIME_TIMESTAMP_FILE: this.#clockFile,
        FAKETIME_NO_CACHE: "1",
        FAKETIME_DONT_FAKE_MONOTONIC: "1",
      },
    });
    const { grpc } = await this.daemon.ready();
    this.client = new ContractClient(this.#t, grpc[0] ?? "");
    const watch = this.client.kv.watch(
      WatchRequest.fromPartial({
        range: { range: { $case: "all", value: true } },
        progressInterval: { seconds: 0n, nanos: progressMs * 1_000_000 },
      }),
    );
    watch.on("data", (response: WatchResponse) => {
      if (response.progress) this.#marks++;
      for (const { kv, reason } of response.events) {
        if (reason !== DeleteReason.DELETE_REASON_UNSPECIFIED)
          this.#seen.set(text(kv?.key) ?? "", reason);
      }
    });
    // It ends with its daemon.
    watch.on("error", () => undefined);
  }
}

function leased(value: bigint): { readonly $case: "leaseId"; readonly value: bigint } {
  return { $case: "leaseId", value };
}

/** Where Debian puts it: in a directory named after the machine's architecture. */
function libraryPath(): string {
  needProgram({ check: ["faketime", "--version"], packages: ["faketime"] });
  const found = readdirSync("/usr/lib")
    .map((name) => join("/usr/lib", name, "faketime/libfaketimeMT.so.1"))
    .find((path) => existsSync(path));
  assert.ok(found !== undefined, "the package brings the library for programs with threads");
  return found;
}
