/** The page of settings and the profile files, from the table that the daemon reads them by. */
import { defaultText, profileFile, profileText } from "../../src/config/config-text.js";
import { actionFlags } from "../../src/config/flags.js";
import { namesOfOthers } from "../../src/config/names-of-others.js";
import { profileNames, profiles } from "../../src/config/profiles.js";
import type { SettingRow } from "../../src/config/setting-row.js";
import { allowedText } from "../../src/config/setting-value.js";
import { flagOf, settingRows } from "../../src/config/settings.js";
import { code, markdownTable, page } from "./tables.js";

const groups = {
  data: "Data",
  durability: "Durability and integrity",
  network: "Network",
  limits: "Limits",
  process: "Process",
  testing: "Testing",
} as const satisfies Record<SettingRow["group"], string>;

const rows: readonly SettingRow[] = settingRows.map(([, row]) => row);

/** Path from the root → text, for every profile. */
export function profileFiles(): readonly (readonly [string, string])[] {
  return profileNames.map((name) => [`deploy/env/${profiles[name].file}`, profileFile(name)]);
}

export function configurationPage(): string {
  const tables = Object.entries(groups).map(([group, title]) => {
    return `## ${title}\n\n${settingsTable(rows.filter((row) => row.group === group))}`;
  });
  return page(
    "Settings of kvdbd",
    "src/config/settings.ts",
    introduction(),
    `## Flags that are no settings\n\n${actionsTable()}`,
    ...tables,
    `## Profiles\n\n${profilesText()}`,
    `## What production refuses or warns of\n\n${productionTable()}`,
  );
}

function introduction(): string {
  const others = Object.entries(namesOfOthers).map(([name, what]) => `${code(name)}: ${what}`);
  return [
    "Each setting has an environment variable, and a flag made from its name. A flag wins over the variable, " +
      "that over the file given by `--config FILE`, that over the profile, that over the default.",
    "",
    "- A value that is not allowed ends the daemon with exit code 78. All wrong values are named at once, " +
      "with what is allowed; none is ever replaced by another. A variable that is set but empty is wrong.",
    "- Numbers are whole decimal numbers without unit. Booleans are `on`, `off`, `true`, `false`, `1`, `0`, " +
      "`yes` or `no`; as a flag `--name` or `--name=off`. Names of choices may be in any case.",
    "- An unknown `KVDB_SQLITE_*` variable is an error that names the nearest known one. Any other unknown " +
      "`KVDB_*` variable is a warning, because container platforms inject such names.",
    "- The file holds `KEY=VALUE` lines, comments on lines of their own, and quotes around a whole value if " +
      "needed. An unknown `KVDB_*` name in it is an error.",
    `- Not a setting of the daemon, but no mistake either: ${others.join("; ")}.`,
  ].join("\n");
}

function actionsTable(): string {
  const actions = [["--config FILE", "Read settings from a file."], ...Object.entries(actionFlags)];
  return markdownTable(actions, [
    { title: "flag", cell: ([flag = ""]) => code(flag) },
    { title: "what it does", cell: ([, doc = ""]) => doc },
  ]);
}

function settingsTable(some: readonly SettingRow[]): string {
  return markdownTable(some, [
    { title: "variable", cell: (row) => code(row.env) },
    { title: "flag", cell: (row) => code(flagOf(row)) },
    { title: "allowed", cell: allowedText },
    { title: "default", cell: defaultText },
    { title: "what it does", cell: (row) => row.doc },
  ]);
}

function profilesText(): string {
  const list = profileNames.map((name) => {
    return `- ${code(name)} (${code(`deploy/env/${profiles[name].file}`)}): ${profiles[name].doc}`;
  });
  const baseline = rows.filter((row) => row.env.startsWith("KVDB_SQLITE_"));
  const table = markdownTable(baseline, [
    { title: "what the file sets", cell: (row) => code(row.env) },
    ...profileNames.map((name) => ({
      title: name,
      cell: (row: SettingRow) => code(profileText(row, name)),
    })),
  ]);
  const place =
    "`KVDB_PROFILE` alone changes defaults and never the place of the data: that would open another, empty " +
    "database. A profile's file names the place of the database in plain sight.";
  return `${list.join("\n")}\n\n${place}\n\n${table}`;
}

function productionTable(): string {
  const rules = rows.flatMap((row) => {
    return (row.inProduction ?? []).map(({ value, rule, risk }) => ({ row, value, rule, risk }));
  });
  return markdownTable(rules, [
    { title: "value", cell: ({ row, value }) => code(`${row.env}=${value}`) },
    { title: "in production", cell: ({ rule }) => rule },
    { title: "because", cell: ({ risk }) => risk },
  ]);
}
