/**
 * The recorder as a shared object, compiled where it is to run: an object that was built elsewhere
 * would have to fit this machine's C library.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { environmentWithoutSettings } from "../../config/client-environment.js";
import { MissingMechanism } from "../missing-mechanism.js";

const source = fileURLToPath(new URL("../../../../deploy/prove/recorder.c", import.meta.url));

export interface RecordingOrder {
  /** The shared object. */
  readonly recorder: string;
  /** Absolute and without links. Files below it are recorded. */
  readonly directory: string;
  /** Appended to. */
  readonly log: string;
  readonly sockets?: boolean;
  /** As the head of the recorder's source describes them. */
  readonly faults?: readonly string[];
}

/** Compiles into the directory; returns the path. Throws MissingMechanism without a C compiler. */
export function buildRecorder(directory: string): string {
  const target = join(directory, "recorder.so");
  const options = ["-O2", "-shared", "-fPIC", "-fvisibility=hidden"];
  const built = spawnSync("cc", [...options, "-o", target, source, "-ldl"], { encoding: "utf8" });
  if (built.error !== undefined) {
    throw new MissingMechanism("recorder", "there is no C compiler (cc)", "gcc libc6-dev");
  }
  if (built.status !== 0) {
    throw new MissingMechanism(
      "recorder",
      `the C compiler refused it: ${built.stderr.trim().split("\n")[0] ?? ""}`,
      "gcc libc6-dev",
    );
  }
  return target;
}

/** The environment under which a program is recorded, without any setting of kvdb of the shell's. */
export function recordedEnvironment(order: RecordingOrder): NodeJS.ProcessEnv {
  return {
    ...environmentWithoutSettings(),
    LD_PRELOAD: order.recorder,
    // What goes through a ring the recorder does not see.
    UV_USE_IO_URING: "0",
    PROVE_DIRECTORY: order.directory,
    PROVE_LOG: order.log,
    ...(order.sockets === true && { PROVE_SOCKETS: "1" }),
    ...(order.faults !== undefined && { PROVE_FAULTS: order.faults.join(";") }),
  };
}
