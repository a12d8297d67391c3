/** What the table of settings may say about one setting. The table itself is settings.ts. */
import type { Profile } from "./profiles.js";

interface Common {
  /** The environment variable; also the key in a configuration file. The flag is made from it. */
  readonly env: `KVDB_${string}`;
  readonly group: "data" | "durability" | "network" | "limits" | "process" | "testing";
  /** What it does, for whoever has to choose a value. Whole sentences. */
  readonly doc: string;
  /** Values that lose or risk something, with what it is. Compared in the canonical spelling. */
  readonly inProduction?: readonly ProductionRule[];
}

interface ProductionRule {
  readonly value: string;
  readonly rule: "refused" | "warned";
  readonly risk: string;
}

export interface IntegerSetting extends Common {
  readonly kind: "integer";
  readonly unit: string;
  readonly fallback: number;
  readonly min: number;
  readonly max: number;
  /** A value below the range that is allowed as well, for "off". */
  readonly also?: number;
  readonly profiles?: Readonly<Partial<Record<Profile, number>>>;
}

interface BooleanSetting extends Common {
  readonly kind: "boolean";
  readonly fallback: boolean;
}

interface EnumSetting extends Common {
  readonly kind: "enum";
  readonly choices: readonly string[];
  readonly fallback: string;
  readonly profiles?: Readonly<Partial<Record<Profile, string>>>;
}

/** Free text within a pattern; undefined when it is not set. */
interface TextSetting extends Common {
  readonly kind: "text";
  /** What is allowed, in words, and as a test. */
  readonly allowed: string;
  readonly accepts: (text: string) => boolean;
}

interface PathSetting extends Common {
  readonly kind: "path";
  readonly fallback: string;
  /** What a profile's file sets. Never a default: see profiles.ts. */
  readonly inProfileFile: Readonly<Record<Profile, string>>;
}

/** Where to listen: `host:port`, `[v6]:port` or `unix:/path`, several separated by commas. */
export interface AddressesSetting extends Common {
  readonly kind: "addresses";
  readonly fallback: string;
  /** One address only, and `off` for none. */
  readonly optional: boolean;
}

export type SettingRow =
  | IntegerSetting
  | BooleanSetting
  | EnumSetting
  | TextSetting
  | PathSetting
  | AddressesSetting;

export type ListenAddress =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

/** What a row's text becomes. */
export type ValueOf<Row extends SettingRow> = Row extends IntegerSetting
  ? number
  : Row extends BooleanSetting
    ? boolean
    : Row extends EnumSetting
      ? Row["choices"][number]
      : Row extends TextSetting
        ? string | undefined
        : Row extends PathSetting
          ? string
          : readonly ListenAddress[];
