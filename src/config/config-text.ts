/** The texts that are made from the table of settings: --help, --print-config, profile files. */
import { printEnvLine } from "./env-file.js";
import { actionFlags } from "./flags.js";
import type { Sources } from "./load-config.js";
import { type Profile, profiles } from "./profiles.js";
import type { SettingRow } from "./setting-row.js";
import { allowedText, printSetting } from "./setting-value.js";
import { type Config, flagOf, settingRows } from "./settings.js";

const helpWidth = 96;

interface Effective {
  readonly config: Config;
  readonly sources: Sources;
  readonly nodeEnv: string | undefined;
}

/** The text of --help. */
export function helpText(): string {
  const lines = [
    "kvdbd: a durable gRPC key-value daemon",
    "",
    "Usage: kvdbd [--config FILE] [flags]",
    "",
    "A flag wins over its environment variable, that over the file, that over the profile.",
    "Booleans: --flag or --flag=off.",
    "",
  ];
  lines.push("  --config FILE", ...wrap("Read settings from a file of KEY=VALUE lines."));
  for (const [flag, doc] of Object.entries(actionFlags)) lines.push(`  ${flag}`, ...wrap(doc));
  for (const [, row] of settingRows) {
    lines.push("", `  ${flagOf(row)}  (${row.env})`, ...wrap(row.doc));
    lines.push(...wrap(`Allowed: ${allowedText(row)}. Default: ${defaultText(row)}.`));
  }
  return `${lines.join("\n")}\n`;
}

/** The text of --print-config: a file that --config reads back to the same settings. */
export function printConfig({ config, sources, nodeEnv }: Effective): string {
  const lines = ["# Effective settings of kvdbd."];
  lines.push(`# NODE_ENV is ${nodeEnv ?? "not set"}; nothing is derived from it.`);
  for (const [id, row] of settingRows) {
    const text = printSetting(config[id]);
    lines.push(`# from: ${sources[id]}`);
    lines.push(text === undefined ? `# ${row.env} is not set` : printEnvLine(row.env, text));
  }
  return `${lines.join("\n")}\n`;
}

/** A profile as a file: the baseline settings in full, whether or not they are the defaults. */
export function profileFile(profile: Profile): string {
  const lines = [
    `# ${profiles[profile].doc}`,
    "# Made from src/config by `npm run generate:docs`. For --config, EnvironmentFile= or --env-file.",
    "",
    `KVDB_PROFILE=${profile}`,
    "# Shown by --print-config; nothing is derived from it.",
    `NODE_ENV=${profiles[profile].nodeEnv}`,
  ];
  for (const [, row] of settingRows) {
    if (row.env.startsWith("KVDB_SQLITE_")) lines.push(`${row.env}=${profileText(row, profile)}`);
  }
  return `${lines.join("\n")}\n`;
}

/** The default as text, with the profiles that have another. */
export function defaultText(row: SettingRow): string {
  if (row.kind === "text") return "not set";
  const fallback = printFallback(row);
  if (row.kind !== "integer" && row.kind !== "enum") return fallback;
  const others = Object.entries(row.profiles ?? {}).map(
    ([profile, value]) => `${String(value)} in ${profile}`,
  );
  return others.length === 0 ? fallback : `${fallback} (${others.join(", ")})`;
}

/** What a profile's file says for a row. */
export function profileText(row: SettingRow, profile: Profile): string {
  if (row.kind === "path") return row.inProfileFile[profile];
  if (row.kind === "integer" || row.kind === "enum") {
    return String(row.profiles?.[profile] ?? row.fallback);
  }
  return row.kind === "text" ? "" : printFallback(row);
}

function printFallback(row: Exclude<SettingRow, { readonly kind: "text" }>): string {
  return typeof row.fallback === "boolean" ? (row.fallback ? "on" : "off") : String(row.fallback);
}

function wrap(text: string): readonly string[] {
  const lines: string[] = [];
  let line = "     ";
  for (const word of text.split(" ")) {
    if (line.length + 1 + word.length > helpWidth) {
      lines.push(line);
      line = "     ";
    }
    line += ` ${word}`;
  }
  return [...lines, line];
}
