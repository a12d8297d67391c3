/**
 * What a command is: a row with its name, its arguments, its flags and what it does. Help texts and
 * the reference page are made from these rows, so nothing can be missing there.
 */
import type { KvClient, KvClientOptions } from "../client/index.js";
import type { Clock } from "../foundation/clock.js";
import type { Random } from "../foundation/random.js";
import type { ExitName } from "./exit-codes.js";
import type { FlagValues } from "./flag-values.js";
import type { Output } from "./output.js";

export interface FlagRow {
  readonly kind: "switch" | "text" | "count" | "revision" | "integer" | "duration" | "choice";
  /** What stands for the value in help. */
  readonly placeholder?: string;
  readonly choices?: readonly string[];
  readonly short?: string;
  readonly doc: string;
}

export type FlagTable = Readonly<Record<string, FlagRow>>;

export interface Positional {
  readonly name: string;
  readonly doc: string;
  readonly optional?: boolean;
  /** Takes all that follow; only the last one may. */
  readonly many?: boolean;
}

export interface Invocation {
  readonly args: readonly string[];
  readonly flags: FlagValues;
  readonly out: Output;
  readonly namespace: string;
  /** What --timeout says. */
  readonly timeoutMs: number | undefined;
  /** Aborted by Ctrl-C, and when the reader of our output has gone. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly random: Random;
  /** All of standard input. */
  readonly input: () => AsyncIterable<Uint8Array>;
  /** A client whose connection stands; fails at once when nobody listens. Closed by the caller. */
  readonly connect: (options?: Pick<KvClientOptions, "retry">) => Promise<KvClient>;
}

export interface Command {
  readonly name: string;
  /** One line. */
  readonly summary: string;
  readonly positionals: readonly Positional[];
  readonly flags: FlagTable;
  /** What a user must know beyond the flags. */
  readonly details?: string;
  readonly examples: readonly string[];
  readonly run: (call: Invocation) => Promise<ExitName>;
}

/** Flags that every command takes. */
export const globalFlags = {
  address: {
    kind: "text",
    placeholder: "ADDRESS",
    doc: "Where the daemon listens: host:port or unix:/path. Default: KVDB_ADDRESS, else 127.0.0.1:50051.",
  },
  namespace: {
    kind: "text",
    short: "n",
    placeholder: "NAME",
    doc: 'The namespace to work in. Default: "default".',
  },
  timeout: {
    kind: "duration",
    placeholder: "TIME",
    doc: "Longest wait for an answer, retries included, such as 500ms, 10s or 2m. Default: 30s; streams have none.",
  },
  json: {
    kind: "switch",
    doc: "JSON on stdout and nothing else there. Bytes are base64, with the text beside them when they are UTF-8; 64-bit numbers are text.",
  },
  help: { kind: "switch", short: "h", doc: "What the command does and takes." },
} as const satisfies FlagTable;
