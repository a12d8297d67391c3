/**
 * Flags, environment, file, profile and defaults become one complete, frozen Config, or all
 * problems at once. The first of these that names a setting decides it; nothing is mended quietly.
 */
import { parseEnvFile } from "./env-file.js";
import { type Action, type Flags, parseFlags } from "./flags.js";
import { fullTextCheckVariable, namesOfOthers } from "./names-of-others.js";
import { nearestName } from "./nearest-name.js";
import type { Profile } from "./profiles.js";
import type { SettingRow } from "./setting-row.js";
import { crossProblems, productionFindings, risks } from "./setting-rules.js";
import { parseSetting, type SettingValue } from "./setting-value.js";
import { type Config, settingRows, settings } from "./settings.js";

type Source = "flag" | "environment" | "file" | "profile" | "default";

/** What the world says. Handed in, so that tests need no real environment and no real file. */
export interface ConfigInputs {
  /** Without node and the program's name. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Throws when the file cannot be read. */
  readonly readFile: (path: string) => string;
}

/** For the log: the event's name is its row in the event table. */
export interface ConfigWarning {
  readonly event: "config.unknown-variable" | "config.ignored-variable" | "config.risky-value";
  readonly variable: string;
  /** Only of a risky value. */
  readonly risk?: string;
}

export type Sources = Readonly<Record<keyof Config, Source>>;

export type LoadedConfig =
  | { readonly kind: "show"; readonly action: "help" | "version" }
  /** Each problem is one line that names variable, value and what is allowed. Exit code 78. */
  | { readonly kind: "refused"; readonly problems: readonly string[] }
  | {
      readonly kind: "loaded";
      readonly action: Exclude<Action, "help" | "version">;
      readonly config: Config;
      readonly sources: Sources;
      readonly warnings: readonly ConfigWarning[];
      /** Kept for people who look for it; nothing is derived from it. */
      readonly nodeEnv: string | undefined;
    };

interface Given {
  readonly text: string;
  readonly source: Exclude<Source, "profile" | "default">;
}

export function loadConfig(inputs: ConfigInputs): LoadedConfig {
  const flags = parseFlags(inputs.args);
  if (flags.action === "help" || flags.action === "version") {
    return { kind: "show", action: flags.action };
  }
  const file = readConfigFile(flags, inputs);
  const problems = [...flags.problems, ...file.problems];
  const warnings: ConfigWarning[] = [];
  lookAtUnknownNames(inputs.env, file.values, problems, warnings);

  const given = (row: SettingRow): Given | undefined => {
    const flag = flags.values.get(row.env);
    if (flag !== undefined) return { text: flag, source: "flag" };
    const variable = inputs.env[row.env];
    if (variable !== undefined) return { text: variable, source: "environment" };
    const line = file.values.get(row.env);
    return line === undefined ? undefined : { text: line, source: "file" };
  };
  const { config, sources } = decide(given, problems);
  problems.push(...crossProblems(config), ...productionFindings(config, "refused"));
  if (problems.length > 0) return { kind: "refused", problems };
  for (const { env, risk } of risks(config)) {
    warnings.push({ event: "config.risky-value", variable: env, risk });
  }
  const nodeEnv = inputs.env["NODE_ENV"] ?? file.values.get("NODE_ENV");
  return { kind: "loaded", action: flags.action, config, sources, warnings, nodeEnv };
}

/** Decides every setting. One that is refused is reported and takes its default, to go on looking. */
function decide(
  given: (row: SettingRow) => Given | undefined,
  problems: string[],
): { config: Config; sources: Sources } {
  const values: Record<string, SettingValue> = {};
  const sources: Record<string, Source> = {};
  let profile: Profile = settings.profile.fallback;
  for (const [id, row] of settingRows) {
    const [fallback, fallbackSource] = fallbackOf(row, profile);
    values[id] = fallback;
    sources[id] = fallbackSource;
    const found = given(row);
    if (found === undefined) continue;
    const parsed = parseSetting(row, found.text);
    if (parsed.kind === "refused") {
      const shown = JSON.stringify(found.text);
      problems.push(`${row.env}=${shown} (${found.source}): must be ${parsed.allowed}`);
    } else {
      values[id] = parsed.value;
      sources[id] = found.source;
      // The first row of the table, so the profile is known when the others need it.
      if (id === "profile") profile = parsed.value as Profile;
    }
  }
  return { config: Object.freeze(values) as Config, sources: Object.freeze(sources) };
}

function fallbackOf(row: SettingRow, profile: Profile): [SettingValue, Source] {
  if (row.kind === "text") return [undefined, "default"];
  if (row.kind === "integer" || row.kind === "enum") {
    const ofProfile = row.profiles?.[profile];
    if (ofProfile !== undefined) return [ofProfile, "profile"];
  }
  if (row.kind !== "addresses") return [row.fallback, "default"];
  const parsed = parseSetting(row, row.fallback);
  return [parsed.kind === "value" ? parsed.value : undefined, "default"];
}

function readConfigFile(
  flags: Flags,
  inputs: ConfigInputs,
): { readonly values: ReadonlyMap<string, string>; readonly problems: readonly string[] } {
  if (flags.file === undefined) return { values: new Map(), problems: [] };
  const path = flags.file;
  try {
    const { values, problems } = parseEnvFile(inputs.readFile(path));
    return { values, problems: problems.map((problem) => `${path} ${problem}`) };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { values: new Map(), problems: [`--config ${path}: cannot be read: ${why}`] };
  }
}

/**
 * A name that begins like ours and is not ours. In KVDB_SQLITE_ and in a file it is a mistake. Any
 * other variable may be nobody's mistake: platforms inject KVDB_PORT and the like for a service
 * that is called kvdb. Its value is not repeated, because it could be anything.
 */
function lookAtUnknownNames(
  env: ConfigInputs["env"],
  file: ReadonlyMap<string, string>,
  problems: string[],
  warnings: ConfigWarning[],
): void {
  const known = settingRows.map(([, row]) => row.env as string);
  for (const [name, source, text] of [
    ...Object.entries(env).map(([name, text]) => [name, "environment", text] as const),
    ...[...file].map(([name, text]) => [name, "file", text] as const),
  ]) {
    if (!name.startsWith("KVDB_") || text === undefined) continue;
    if (known.includes(name) || name in namesOfOthers) continue;
    if (name === fullTextCheckVariable) {
      if (text.trim().toLowerCase() === "off") {
        warnings.push({ event: "config.ignored-variable", variable: name });
      } else {
        const shown = JSON.stringify(text);
        problems.push(`${name}=${shown} (${source}): must be OFF: kvdb has no full-text index`);
      }
    } else if (source === "file" || name.startsWith("KVDB_SQLITE_")) {
      problems.push(`${name} (${source}): unknown; the nearest is ${nearestName(name, known)}`);
    } else {
      warnings.push({ event: "config.unknown-variable", variable: name });
    }
  }
}
