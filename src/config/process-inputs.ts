/** What the running process brings to loadConfig: the only reading of the environment. */
import { readFileSync } from "node:fs";
import type { ConfigInputs } from "./load-config.js";

export function processInputs(): ConfigInputs {
  return {
    args: process.argv.slice(2),
    env: process.env,
    readFile: (path) => readFileSync(path, "utf8"),
  };
}
