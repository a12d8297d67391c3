/** The answers of kvdbd that need no store: help, version, settings shown or checked. */
import { readFileSync } from "node:fs";
import { helpText, printConfig } from "../config/config-text.js";
import type { LoadedConfig } from "../config/load-config.js";
import { exitCode } from "./exit-codes.js";

/** Of this package, as released. */
export function packageVersion(): string {
  const text = readFileSync(new URL("../../../package.json", import.meta.url), "utf8");
  return String((JSON.parse(text) as { readonly version: unknown }).version);
}

export interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What to print and how to end; undefined when the daemon is to run. */
export function answerOf(loaded: LoadedConfig): Answer | undefined {
  if (loaded.kind === "refused") {
    const lines = loaded.problems.map((problem) => `kvdbd: ${problem}\n`).join("");
    return { code: exitCode("configuration"), stdout: "", stderr: lines };
  }
  if (loaded.kind === "show") {
    const text = loaded.action === "help" ? helpText() : `kvdbd ${packageVersion()}\n`;
    return { code: exitCode("clean"), stdout: text, stderr: "" };
  }
  switch (loaded.action) {
    case "print-config": {
      const text = printConfig(loaded);
      return { code: exitCode("clean"), stdout: text, stderr: "" };
    }
    case "check-config": {
      const risks = loaded.warnings.map(({ variable, risk }) => {
        return `kvdbd: warning: ${variable}: ${risk ?? "ignored, it is not a setting"}\n`;
      });
      return {
        code: exitCode("clean"),
        stdout: "the settings are valid\n",
        stderr: risks.join(""),
      };
    }
    case "run":
      return undefined;
  }
}
