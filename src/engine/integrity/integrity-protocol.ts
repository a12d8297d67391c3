/** What the checking process is told, and what it tells. */
import type { IntegrityMode } from "../../storage/maintenance.js";

/** Its one argument, as JSON. */
export interface CheckOrder {
  readonly file: string;
  readonly mode: IntegrityMode;
}

export type FromCheck =
  /** Where it is; also sent now and then while a native check runs, so that it is seen to live. */
  | {
      readonly kind: "progress";
      readonly phase: string;
      readonly rowsDone: number;
      /** 0 = not known: SQLite's own checks tell nothing while they run. */
      readonly rowsTotal: number;
    }
  /** Everything that was asked for was looked at; no messages = nothing is wrong. */
  | { readonly kind: "result"; readonly messages: readonly string[]; readonly rowsChecked: number }
  /** The check could not be made, so nothing is known. */
  | { readonly kind: "impossible"; readonly reason: string };
