/** A server with handlers of the test's own, on the real transport; and a client for it. */
import { connect } from "node:net";
import { credentials } from "@grpc/grpc-js";
import { systemClock } from "../../../src/foundation/clock.js";
import { systemRandom } from "../../../src/foundation/random.js";
import { Metrics } from "../../../src/observability/metrics.js";
import { Admission, admissionDefaults } from "../../../src/rpc/admission.js";
import { type HandlerPorts, notServing } from "../../../src/rpc/handler.js";
import { Readiness } from "../../../src/rpc/readiness.js";
import {
  methodRows,
  type ServedMethod,
  type TransportLimits,
  transportLimits,
} from "../../../src/rpc/served-method.js";
import { messageBytesDefault } from "../../../src/storage/limits.js";
import { GrpcServer } from "../../../src/transport/grpc-js/grpc-server.js";
import { KvServiceClient } from "../../../src/wire/kvdb/v1/kv.js";
import { type RecordingLog, recordingLog } from "../../support/recording-log.js";
import type { Ending } from "../../support/temp-directory.js";
import { waitFor } from "../../support/wait.js";

export interface Serving {
  readonly server: GrpcServer;
  readonly client: KvServiceClient;
  readonly address: string;
  readonly log: RecordingLog;
  readonly metrics: Metrics;
  readonly readiness: Readiness;
  readonly admission: Admission;
}

export interface ServingOptions {
  readonly listen?: readonly string[];
  readonly limits?: Partial<TransportLimits>;
  readonly maxMessageBytes?: number;
}

export type Rows = ReturnType<typeof methodRows>;

export async function serve(
  ending: Ending,
  rowsOf: (rows: Rows) => readonly ServedMethod[],
  options: ServingOptions = {},
): Promise<Serving> {
  const log = recordingLog();
  const metrics = new Metrics();
  const clock = systemClock();
  const readiness = new Readiness();
  readiness.set("serving", "");
  const admission = new Admission(admissionDefaults);
  const random = systemRandom();
  const ports: HandlerPorts = {
    ...{ admission, health: readiness, clock, random, log, metrics, slowCallMs: Infinity },
  };
  const table = {
    methods: rowsOf(methodRows(ports)),
    limits: { ...transportLimits, ...options.limits },
    stopping: () => notServing(readiness),
  };
  const server = await GrpcServer.start(table, {
    listen: options.listen ?? ["127.0.0.1:0"],
    maxMessageBytes: options.maxMessageBytes ?? messageBytesDefault,
    clock,
    log,
    metrics,
  });
  const address = server.addresses[0] ?? "";
  const client = new KvServiceClient(address, credentials.createInsecure(), {
    "grpc.use_local_subchannel_pool": 1,
    "grpc.enable_retries": 0,
    "grpc.max_receive_message_length": -1,
  });
  ending.after(async () => {
    client.close();
    await server.close();
  });
  return { server, client, address, log, metrics, readiness, admission };
}

/** True when something takes a connection there. */
export function accepts(address: string): Promise<boolean> {
  const path = address.startsWith("unix:") ? address.slice("unix:".length) : undefined;
  const [host = "", port = ""] = address.split(/:(?=\d+$)/);
  const socket = connect(path === undefined ? { host, port: Number(port) } : { path });
  return new Promise((resolve) => {
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => {
      resolve(false);
    });
  });
}

export async function waitUntil(what: string, holds: () => boolean): Promise<void> {
  await waitFor(what, () => (holds() ? true : undefined));
}

/** Resolves once the number has stood still for a while: whatever is going to happen, has. */
export async function settled(count: () => number): Promise<void> {
  const looksMin = 10;
  let last = count();
  let same = 0;
  await waitUntil("it to settle", () => {
    const now = count();
    same = now === last ? same + 1 : 0;
    last = now;
    return same >= looksMin;
  });
}

/** A promise that the test settles itself. */
export function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
