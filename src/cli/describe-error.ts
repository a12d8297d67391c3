/** Any error as what is shown of it. */
import { KvError } from "../client/index.js";
import { CliError } from "./cli-error.js";

export interface ShownError {
  readonly message: string;
  readonly hint: string;
  /** Empty: it did not come from a call. */
  readonly status: string;
  readonly reason: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly violations: readonly { readonly field: string; readonly description: string }[];
}

export function describeError(error: unknown): ShownError {
  const bare = { hint: "", status: "", reason: "", metadata: {}, violations: [] };
  if (error instanceof CliError) return { ...bare, message: error.message, hint: error.hint };
  if (!(error instanceof KvError)) {
    return { ...bare, message: error instanceof Error ? error.message : String(error) };
  }
  const { message, status, reason, metadata } = error;
  // The text repeats a violation that stands alone.
  const violations = error.violations.filter(({ description }) => description !== message);
  const hint = error.mayHaveHappened
    ? "the write may have happened: read before writing again, or repeat it with its --request-id"
    : error.hint;
  return { message, hint, status, reason, metadata: Object.fromEntries(metadata), violations };
}
