/** A refusal of the tool itself: one line that says what is wrong, and a hint that says what to do. */
import type { ExitName } from "./exit-codes.js";

export class CliError extends Error {
  override readonly name = "CliError";
  readonly exit: ExitName;
  readonly hint: string;

  constructor(
    exit: ExitName,
    message: string,
    { hint, cause }: { readonly hint: string; readonly cause?: unknown },
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.exit = exit;
    this.hint = hint;
  }
}

/** The command line is wrong. */
export function usageError(message: string, hint: string): CliError {
  return new CliError("usage", message, { hint });
}
