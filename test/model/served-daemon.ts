/** kvdbd as its users run it, on its own files and with its own clock; ended whenever a run says so. */
import { join } from "node:path";
import { systemClock } from "../../src/foundation/clock.js";
import { type Daemon, startDaemon } from "../support/spawn-daemon.js";
import { type Ending, tempDirectory } from "../support/temp-directory.js";
import { pause } from "../support/wait.js";
import type { Served } from "./served.js";

const clock = systemClock();

export class ServedDaemon implements Served {
  readonly hasOwnTime = true;
  readonly #ending: Ending;
  readonly #file: string;
  #daemon: Daemon;
  #address = "";

  private constructor(ending: Ending) {
    this.#ending = ending;
    this.#file = join(tempDirectory(ending), "kv.db");
    this.#daemon = startDaemon(ending, { file: this.#file });
  }

  static async open(ending: Ending): Promise<ServedDaemon> {
    const served = new ServedDaemon(ending);
    await served.#ready();
    return served;
  }

  get address(): string {
    return this.#address;
  }

  nowMs(): number {
    return clock.wallMs();
  }

  async restart(way: "stop" | "kill"): Promise<void> {
    await this.#daemon.stop(way === "stop" ? "SIGTERM" : "SIGKILL");
    this.#daemon = startDaemon(this.#ending, { file: this.#file });
    await this.#ready();
  }

  /** Past the end of everything that was to last for so long. */
  async passTime(ms: number): Promise<void> {
    const endMs = this.nowMs() + ms;
    while (this.nowMs() <= endMs) await pause(endMs - this.nowMs() + 1);
  }

  async close(): Promise<void> {
    await this.#daemon.stop("SIGKILL");
  }

  async #ready(): Promise<void> {
    const { grpc } = await this.#daemon.ready();
    const [address] = grpc;
    if (address === undefined) throw new Error("the daemon listens on one address");
    this.#address = address;
  }
}
