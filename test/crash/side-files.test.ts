/**
 * The files beside the database fail: the reserve for a full disk, the mark of how far the store had
 * come, the marker of a clean stop. What is written there says something about the store, so a disk
 * that fails there has failed; only the marker comes when all is closed, and its absence makes the
 * next start look closer. Whatever was acknowledged is there afterwards.
 */
import assert from "node:assert/strict";
import { mkdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type ServiceError, status } from "@grpc/grpc-js";
import { buildRecorder, recordedEnvironment } from "../../src/prove/recording/recorder.js";
import type { GetStatusResponse } from "../../src/wire/kvdb/v1/admin.js";
import { needProgram } from "../support/debian-package.js";
import { answerTo, connectTo, type TestClient } from "../support/grpc-client.js";
import { SmallFileSystem } from "../support/small-file-system.js";
import { type Daemon, startDaemon } from "../support/spawn-daemon.js";
import { type Ending, tempDirectory } from "../support/temp-directory.js";
import { pause, waitFor } from "../support/wait.js";

const ioError = 74;
/** What a caller hears of a process that ends under its call. */
const endings = [status.UNAVAILABLE, status.UNKNOWN, status.CANCELLED];
const mebibyte = 1024 * 1024;
const reserveBytes = 4 * mebibyte;

class FaultyStore {
  readonly #recorder: string;
  readonly #directory: string;
  readonly #ending: Ending;

  constructor(t: TestContext, directory: string, ending: Ending = t) {
    needProgram({ check: ["cc", "--version"], packages: ["gcc", "libc6-dev"] });
    this.#recorder = buildRecorder(realpathSync(tempDirectory(t)));
    this.#directory = realpathSync(directory);
    this.#ending = ending;
  }

  /** A daemon of which these calls fail. */
  start(faults: readonly string[]): Daemon {
    const data = join(this.#directory, "data");
    mkdirSync(data, { recursive: true, mode: 0o700 });
    const order = { recorder: this.#recorder, directory: data, log: "/dev/null", faults };
    const recorded = faults.length === 0 ? {} : recordedEnvironment(order);
    const named = Object.entries(recorded).filter(([name]) => !["HOME", "PATH"].includes(name));
    return startDaemon(this.#ending, {
      file: join(data, "kv.db"),
      env: {
        ...(Object.fromEntries(named) as Record<string, string>),
        KVDB_DISK_RESERVE_BYTES: String(reserveBytes),
      },
    });
  }

  async client(daemon: Daemon): Promise<TestClient> {
    return connectTo(this.#ending, (await daemon.ready()).grpc[0] ?? "");
  }
}

interface Case {
  readonly what: string;
  readonly faults: readonly string[];
  /** False: the start itself ends. */
  readonly serves: boolean;
  readonly ends: number;
}

const cases: readonly Case[] = [
  {
    what: "the reserve cannot be synced",
    faults: ["sync:kv.db.reserve:1:EIO"],
    serves: false,
    ends: ioError,
  },
  {
    what: "the reserve cannot be written",
    faults: ["write:kv.db.reserve:3:EIO"],
    serves: false,
    ends: ioError,
  },
  {
    what: "the mark of a running store cannot be synced",
    faults: ["sync:kv.db.hwm:1:EIO"],
    serves: true,
    ends: ioError,
  },
  {
    what: "the marker of a clean stop cannot be synced",
    faults: ["sync:.partial:1:EIO"],
    serves: true,
    ends: 0,
  },
];

for (const { what, faults, serves, ends } of cases) {
  test(`where ${what} the process ends with ${String(ends)}, and nothing is lost`, async (t) => {
    const store = new FaultyStore(t, tempDirectory(t));
    const daemon = store.start(faults);
    const acknowledged: string[] = [];
    if (serves) {
      const client = await store.client(daemon);
      while (daemon.running && acknowledged.length < 5) {
        const key = `key-${String(acknowledged.length)}`;
        await client.put(key, "value").then(
          () => acknowledged.push(key),
          () => undefined,
        );
      }
      if (ends === 0) await daemon.stop();
    }
    assert.equal((await daemon.ended).code, ends, daemon.stderr.slice(-3).join("\n"));
    const again = store.start([]);
    const client = await store.client(again);
    for (const key of acknowledged) assert.ok((await client.get(key)) !== undefined, key);
    if (serves) {
      const { recovery } = await answerTo<GetStatusResponse>((done) => {
        return client.admin.getStatus({}, done);
      });
      assert.equal(recovery?.unclean, true, "without its marker a stop is not called clean");
    }
    assert.equal((await again.stop()).code, 0);
  });
}

test("a reserve that cannot be synced when it is made again ends the process with 74", async (t) => {
  const disk = SmallFileSystem.mount(t, 64);
  const store = new FaultyStore(t, disk.path, disk);
  const daemon = store.start(["sync:kv.db.reserve:2:EIO"]);
  const client = await store.client(daemon);
  const value = new Uint8Array(800_000).fill(7);
  let acknowledged = 0;
  const put = (): Promise<boolean> =>
    client.put(`key-${String(acknowledged)}`, value).then(
      () => acknowledged++ >= 0,
      (cause: unknown) => {
        const { code, message } = cause as ServiceError;
        assert.ok([status.RESOURCE_EXHAUSTED, ...endings].includes(code), message);
        return false;
      },
    );
  // It may heal by itself at first, while the WAL has something to give back.
  await waitFor("the reserve to be given up", async () => {
    while (await put());
    return daemon.logged("reserve").length > 1 || !daemon.running || undefined;
  });
  disk.grow(256);
  while (daemon.running) await pause(50);
  assert.equal((await daemon.ended).code, ioError, daemon.stderr.slice(-3).join("\n"));
  const again = store.start([]);
  const reader = await store.client(again);
  for (let number = 0; number < acknowledged; number++) {
    assert.ok((await reader.get(`key-${String(number)}`)) !== undefined, String(number));
  }
  assert.equal((await again.stop()).code, 0);
});
