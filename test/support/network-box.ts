/**
 * A network of its own for one daemon: a namespace, and a cable to it that can be pulled. Whoever
 * connects from outside has two addresses to come from, so that one peer can be cut off while another
 * goes on. Takes root; without it a test fails and says so.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { needProgram } from "./debian-package.js";
import type { Ending } from "./temp-directory.js";

let boxes = 0;

export class NetworkBox {
  /** Where the daemon listens. */
  readonly inside: string;
  /** Whom nothing happens to, unless the cable is pulled. */
  readonly witness: string;
  /** Whom rules are made against. */
  readonly victim: string;
  readonly #name: string;
  readonly #cable: string;

  private constructor(number: number) {
    const block = (number % 32) * 8;
    const network = `10.213.${process.pid % 250}`;
    this.inside = `${network}.${block + 1}`;
    this.witness = `${network}.${block + 2}`;
    this.victim = `${network}.${block + 3}`;
    this.#name = `kvdb-${process.pid}-${number}`;
    // Names of links have at most fifteen characters.
    this.#cable = `kv${process.pid % 1_000_000}x${number}`;
  }

  static open(ending: Ending): NetworkBox {
    assert.equal(process.getuid?.(), 0, "a network of its own takes root");
    needProgram({ check: ["ip", "-Version"], packages: ["iproute2"] });
    needProgram({ check: ["nft", "--version"], packages: ["nftables"] });
    const box = new NetworkBox(boxes++);
    ending.after(() => {
      // The link goes with the namespace that holds its other end.
      run("ip", ["netns", "del", box.#name]);
    });
    box.#build();
    return box;
  }

  /** In front of a program that is to run inside. */
  get wrapper(): readonly string[] {
    return ["ip", "netns", "exec", this.#name];
  }

  pullCable(): void {
    run("ip", ["link", "set", this.#cable, "down"]);
  }

  plugCable(): void {
    run("ip", ["link", "set", this.#cable, "up"]);
  }

  /** Statements of nft for what comes in and what goes out; they replace those before. */
  rules({ input = "", output = "" }: { readonly input?: string; readonly output?: string }): void {
    const chain = (hook: string, statement: string): string =>
      `chain ${hook} {\n type filter hook ${hook} priority 0;\n ${statement}\n }`;
    const table = `table inet kvdb {\n ${chain("input", input)}\n ${chain("output", output)}\n}\n`;
    run(
      "ip",
      ["netns", "exec", this.#name, "nft", "-f", "-"],
      `table inet kvdb\nflush table inet kvdb\ndelete table inet kvdb\n${table}`,
    );
  }

  #build(): void {
    const inside = `${this.#cable}i`;
    const within = (...flags: readonly string[]): void => {
      run("ip", ["-n", this.#name, ...flags]);
    };
    run("ip", ["netns", "add", this.#name]);
    const peer = ["peer", "name", inside, "netns", this.#name];
    run("ip", ["link", "add", this.#cable, "type", "veth", ...peer]);
    within("addr", "add", `${this.inside}/29`, "dev", inside);
    for (const address of [this.witness, this.victim]) {
      run("ip", ["addr", "add", `${address}/29`, "dev", this.#cable]);
    }
    within("link", "set", inside, "up");
    within("link", "set", "lo", "up");
    this.plugCable();
  }
}

function run(command: string, flags: readonly string[], input = ""): void {
  const done = spawnSync(command, flags, { encoding: "utf8", input });
  const why = done.error?.message ?? done.stderr;
  assert.equal(done.status, 0, `${command} ${flags.join(" ")}: ${why}`);
}
