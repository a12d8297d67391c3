/**
 * A program that a test needs and npm cannot bring. It is installed when we may, and otherwise the
 * test fails with the name of the package: a silent skip would make a green run mean nothing.
 */
import { spawnSync } from "node:child_process";

export interface NeededProgram {
  /** A command that answers 0 when all is there. */
  readonly check: readonly [string, ...string[]];
  readonly packages: readonly string[];
}

export function needProgram(needed: NeededProgram): void {
  if (answers(needed.check)) return;
  const names = needed.packages.join(" ");
  if (process.getuid?.() !== 0 || !answers(["apt-get", "--version"])) {
    throw new Error(`${needed.check[0]} is missing: apt-get install -y ${names}`);
  }
  spawnSync("apt-get", ["update", "-qq"], { stdio: "ignore" });
  const install = spawnSync(
    "apt-get",
    // Two test files may install at once; the second waits for the first one's lock.
    ["install", "-y", "-qq", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300"].concat(
      needed.packages,
    ),
    { encoding: "utf8", env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } },
  );
  if (!answers(needed.check)) {
    throw new Error(
      `apt-get install -y ${names} did not bring ${needed.check[0]}: ${install.stderr}`,
    );
  }
}

function answers([command, ...flags]: readonly [string, ...string[]]): boolean {
  return spawnSync(command, flags, { stdio: "ignore" }).status === 0;
}
