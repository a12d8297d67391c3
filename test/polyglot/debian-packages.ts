/** Debian packages that must be there together: installed in one go when we may, else named. */
import { spawnSync } from "node:child_process";
import { needProgram } from "../support/debian-package.js";

/**
 * One call of apt-get for all of them: alone, a compiler may bring an older library than the one
 * that the generated code needs.
 */
export function needPackages(packages: readonly string[]): void {
  const missing = packages.filter((name) => {
    return spawnSync("/usr/bin/dpkg", ["-s", name], { stdio: "ignore" }).status !== 0;
  });
  if (missing.length === 0) return;
  try {
    needProgram({ check: ["/usr/bin/dpkg", "-s", ...packages], packages });
  } catch (cause) {
    throw new Error(`Debian packages are missing: ${missing.join(" ")}`, { cause });
  }
}
