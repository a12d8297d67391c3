/** The real engine, handlers and transport in this process, on a clock that is moved by hand. */
import { ManualClock, systemClock } from "../../src/foundation/clock.js";
import { seededRandom } from "../../src/foundation/random.js";
import { Metrics } from "../../src/observability/metrics.js";
import { admissionDefaults } from "../../src/rpc/admission.js";
import { Readiness } from "../../src/rpc/readiness.js";
import type { ServiceTable } from "../../src/rpc/served-method.js";
import { createServiceTable } from "../../src/rpc/service-table.js";
import { messageBytesDefault, pageTokenSecretBytes } from "../../src/storage/limits.js";
import { GrpcServer } from "../../src/transport/grpc-js/grpc-server.js";
import { recordingLog } from "../support/recording-log.js";
import type { Ending } from "../support/temp-directory.js";
import { TempEngine } from "../support/temp-engine.js";
import type { Served } from "./served.js";
import { settle } from "./settle.js";

type Level = "error" | "warn" | "info" | "debug";

export class ServedHere implements Served {
  readonly hasOwnTime = false;
  readonly #temp: TempEngine;
  readonly #clock: ManualClock;
  readonly #wrap: (table: ServiceTable) => ServiceTable;
  #server: GrpcServer;

  private constructor(
    temp: TempEngine,
    clock: ManualClock,
    wrap: (table: ServiceTable) => ServiceTable,
    server: GrpcServer,
  ) {
    this.#temp = temp;
    this.#clock = clock;
    this.#wrap = wrap;
    this.#server = server;
  }

  static async open(
    ending: Ending,
    wrap: (table: ServiceTable) => ServiceTable = (table) => table,
  ): Promise<ServedHere> {
    const clock = new ManualClock();
    const temp = await TempEngine.open(ending, { clock, options: { synchronous: "OFF" } });
    const served = new ServedHere(temp, clock, wrap, await serve(temp, clock, wrap));
    ending.after(() => served.close());
    return served;
  }

  get address(): string {
    const [address] = this.#server.addresses;
    if (address === undefined) throw new Error("the server listens on one address");
    return address;
  }

  nowMs(): number {
    return this.#clock.wallMs();
  }

  /** There is nothing to kill: both ways are a stop. */
  async restart(): Promise<void> {
    await this.#server.close();
    await this.#temp.reopen();
    this.#server = await serve(this.#temp, this.#clock, this.#wrap);
  }

  passTime(ms: number): Promise<void> {
    return settle(this.#temp.file, this.#clock, ms);
  }

  async close(): Promise<void> {
    await this.#server.close();
    await this.#temp.close();
  }
}

async function serve(
  temp: TempEngine,
  clock: ManualClock,
  wrap: (table: ServiceTable) => ServiceTable,
): Promise<GrpcServer> {
  const { engine } = temp;
  const readiness = new Readiness();
  const log = recordingLog();
  const metrics = new Metrics();
  let level: Level = "info";
  const table = createServiceTable({
    engine: () => engine,
    readiness,
    // The same after a restart, so that pages go on across it.
    tokenSecret: seededRandom(1).bytes(pageTokenSecretBytes),
    versions: { kvdb: "0.0.0-test", node: process.versions.node },
    startedAtMs: clock.wallMs(),
    setLogLevel: (next) => {
      const before = level;
      level = next;
      return before;
    },
    messageBytesMax: messageBytesDefault,
    admission: admissionDefaults,
    reflection: false,
    slowCallMs: Infinity,
    clock,
    random: seededRandom(2),
    log,
    metrics,
  });
  const server = await GrpcServer.start(wrap(table), {
    listen: ["127.0.0.1:0"],
    maxMessageBytes: messageBytesDefault,
    // Connections live in real time, whatever the store believes.
    clock: systemClock(),
    log,
    metrics,
  });
  readiness.set("serving", "");
  return server;
}
