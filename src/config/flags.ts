/**
 * The command line of kvdbd: one flag per setting, made from the table, and a few that ask for
 * something else than running.
 */
import { parseArgs } from "node:util";
import { nearestName } from "./nearest-name.js";
import { flagOf, settingRows } from "./settings.js";

/** What the command line asks for. */
export type Action = "run" | "help" | "version" | "print-config" | "check-config";

export interface Flags {
  readonly action: Action;
  /** The file named by --config. */
  readonly file: string | undefined;
  /** By environment name, as text. */
  readonly values: ReadonlyMap<string, string>;
  readonly problems: readonly string[];
}

export const actionFlags = {
  "--help": "Show this text.",
  "--version": "Show the version.",
  "--print-config": "Show every setting with its value and where it came from.",
  "--check-config": "Check the settings; the exit code says whether the daemon would accept them.",
} as const satisfies Readonly<Record<`--${Exclude<Action, "run">}`, string>>;

const environmentNameOf = new Map(settingRows.map(([, row]) => [flagOf(row), row.env]));
const booleanFlags = new Set(
  settingRows.filter(([, row]) => row.kind === "boolean").map(([, row]) => flagOf(row)),
);
const allFlags = ["--config", ...Object.keys(actionFlags), ...environmentNameOf.keys()];

/** Reads the arguments after the program's name. Never throws: all problems are listed. */
export function parseFlags(args: readonly string[]): Flags {
  const values = new Map<string, string>();
  const problems: string[] = [];
  let action: Action = "run";
  let file: string | undefined;
  for (const token of tokensOf(args)) {
    if (token.kind === "positional")
      problems.push(`unexpected argument ${JSON.stringify(token.value)}`);
    if (token.kind !== "option") continue;
    const flag = token.rawName;
    const env = environmentNameOf.get(flag);
    if (isActionFlag(flag)) {
      action = action === "help" ? action : actionOf(flag);
      if (token.value !== undefined) problems.push(`${flag} takes no value`);
    } else if (flag !== "--config" && env === undefined) {
      problems.push(`unknown flag ${flag}; the nearest is ${nearestName(flag, allFlags)}`);
    } else if (token.value === undefined && !booleanFlags.has(flag)) {
      problems.push(`${flag} needs a value`);
    } else if (token.value?.startsWith("--") === true && !token.inlineValue) {
      problems.push(`${flag} needs a value before ${token.value}`);
    } else if (env === undefined) {
      file = token.value;
    } else {
      values.set(env, token.value ?? "on");
    }
  }
  return { action, file, values, problems };
}

function tokensOf(args: readonly string[]) {
  const options: Record<string, { type: "string" | "boolean" }> = { config: { type: "string" } };
  for (const flag of Object.keys(actionFlags)) options[flag.slice(2)] = { type: "boolean" };
  for (const flag of environmentNameOf.keys()) {
    options[flag.slice(2)] = { type: booleanFlags.has(flag) ? "boolean" : "string" };
  }
  const parsed = parseArgs({ args: [...args], options, strict: false, tokens: true });
  return parsed.tokens;
}

function isActionFlag(flag: string): flag is keyof typeof actionFlags {
  return flag in actionFlags;
}

function actionOf(flag: keyof typeof actionFlags): Action {
  return flag.slice(2) as Action;
}
