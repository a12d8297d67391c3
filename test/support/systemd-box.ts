/**
 * A real systemd in a container of its own, from this machine's /usr, read-only, over an empty root
 * in memory: nothing is installed for it and nothing stays behind. The compiled program is at
 * /opt/kvdb, node at /opt/node. Takes root, and fails with the container's own words when it cannot
 * be started.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { needProgram } from "./debian-package.js";
import { plainEnvironment } from "./spawn-daemon.js";
import { type Ending, tempDirectory } from "./temp-directory.js";
import { pause, waitFor } from "./wait.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const startBoundMs = 60_000;
/** Each look is two processes. */
const lookEveryMs = 200;

export interface Said {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class SystemdBox {
  readonly #container: ChildProcess;
  /** Its first process, as this machine numbers it. */
  readonly #init: number;

  private constructor(container: ChildProcess, init: number) {
    this.#container = container;
    this.#init = init;
  }

  /** `units`: text by file name, drop-ins with their directory. Resolves when systemd answers. */
  static async boot(ending: Ending, units: ReadonlyMap<string, string>): Promise<SystemdBox> {
    assert.equal(process.getuid?.(), 0, "a systemd of its own takes root");
    needProgram({ check: ["systemd-nspawn", "--version"], packages: ["systemd-container"] });
    needProgram({ check: ["pgrep", "--version"], packages: ["procps"] });
    const said: string[] = [];
    const container = spawn("systemd-nspawn", flagsFor(writeUnits(ending, units)), {
      env: plainEnvironment(),
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [container.stdout, container.stderr]) {
      stream.on("data", (text: Buffer) => said.push(text.toString("utf8")));
    }
    const started = { init: undefined as number | undefined };
    ending.after(async () => {
      // The first process of the container takes all others with it.
      if (started.init !== undefined && container.exitCode === null) {
        process.kill(started.init, "SIGKILL");
      }
      container.kill("SIGKILL");
      await waitFor("the container's end", () => {
        return container.exitCode !== null || container.signalCode !== null ? true : undefined;
      });
    });
    const init = await waitFor("a systemd", () => {
      assert.equal(container.exitCode, null, `the container did not start:\n${said.join("")}`);
      return systemdBelow(container.pid ?? 0);
    });
    started.init = init;
    const box = new SystemdBox(container, init);
    await box.until("systemctl", ["is-active", "basic.target"], /^active/);
    return box;
  }

  /** Runs a program inside, as root. */
  run(command: string, flags: readonly string[]): Said {
    assert.equal(this.#container.exitCode, null, "the container has ended");
    const inside = ["-t", `${this.#init}`, "-m", "-u", "-i", "-n", "-p", "-C", command, ...flags];
    return spawnSync("nsenter", inside, { encoding: "utf8", env: plainEnvironment() });
  }

  systemctl(...flags: readonly string[]): Said {
    return this.run("systemctl", flags);
  }

  property(unit: string, name: string): string {
    return this.systemctl("show", unit, "-p", name, "--value").stdout.trim();
  }

  /** Resolves when the property says so; the journal of the unit is in the rejection. */
  async becomes(unit: string, name: string, value: string): Promise<void> {
    try {
      await waitFor(
        `${unit}'s ${name} to be ${value}`,
        async () => {
          await pause(lookEveryMs);
          return this.property(unit, name) === value ? true : undefined;
        },
        startBoundMs,
      );
    } catch (cause) {
      const { stdout } = this.run("journalctl", ["-u", unit, "--no-pager", "-n", "40"]);
      throw new Error(`${unit}: ${this.property(unit, name)}\n${stdout}`, { cause });
    }
  }

  /** Runs it until what it prints matches. */
  async until(command: string, flags: readonly string[], pattern: RegExp): Promise<string> {
    return await waitFor(
      `${command} to say ${String(pattern)}`,
      async () => {
        await pause(lookEveryMs);
        const { stdout } = this.run(command, flags);
        return pattern.test(stdout) ? stdout : undefined;
      },
      startBoundMs,
    );
  }

  /** Of a unit's main process: a file below its directory in /proc. */
  proc(unit: string, file: string): string {
    const { stdout } = this.run("cat", [`/proc/${this.property(unit, "MainPID")}/${file}`]);
    return stdout;
  }
}

function writeUnits(ending: Ending, units: ReadonlyMap<string, string>): string {
  const directory = join(tempDirectory(ending), "units");
  mkdirSync(directory);
  for (const [name, text] of units) {
    mkdirSync(join(directory, name, ".."), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  return directory;
}

function flagsFor(units: string): readonly string[] {
  const isFirst = readFileSync("/proc/1/comm", "utf8").trim() === "systemd";
  return [
    "--quiet",
    "--directory=/",
    "--volatile=yes",
    "--boot",
    "--private-network",
    `--machine=kvdb-${process.pid}`,
    "--console=pipe",
    `--bind-ro=${root}:/opt/kvdb`,
    `--bind-ro=${process.execPath}:/opt/node`,
    // Found from /opt/kvdb, too, where the project's own directory of packages is a link.
    `--bind-ro=${realpathSync(join(root, "node_modules"))}:/opt/node_modules`,
    // Where nobody else puts units, so that the whole directory can be ours.
    `--bind-ro=${units}:/run/systemd/system`,
    // Where systemd is not the first process there is nobody to register with.
    ...(isFirst ? [] : ["--register=no", "--keep-unit"]),
    // There is no network to wait for, and it would be waited for two minutes.
    "systemd.mask=network-online.target",
    // Not what else this machine would start.
    "systemd.unit=basic.target",
  ];
}

function systemdBelow(pid: number): number | undefined {
  const found = spawnSync("pgrep", ["-P", `${pid}`, "-x", "systemd"], { encoding: "utf8" });
  const [child = ""] = found.stdout.split("\n");
  return child === "" ? undefined : Number(child);
}
