/**
 * Whether a start finds the room that it needs: the WAL must be moved into the database before
 * anything is served, and the first commit needs a few pages. The reserve is there for that too. A
 * start that would run out halfway is refused while nothing has been touched.
 */
import { OpenError } from "../../storage/errors.js";
import { diskStartBytes } from "../../storage/limits.js";

export interface StartRoomFacts {
  readonly freeBytes: number;
  /** Of the disk, that the reserve holds now. */
  readonly reserveBytes: number;
  readonly databaseBytes: number;
  /** Of the database once the WAL is in it; 0 = there is no WAL. */
  readonly databaseBytesAfter: number;
}

export type StartRoom =
  | { readonly kind: "enough"; readonly neededBytes: number }
  | { readonly kind: "with-reserve"; readonly neededBytes: number };

/** Pure. Throws OpenError "no-space". */
export function judgeStartRoom(facts: StartRoomFacts): StartRoom {
  const { freeBytes, reserveBytes, databaseBytes, databaseBytesAfter } = facts;
  const neededBytes = diskStartBytes + Math.max(0, databaseBytesAfter - databaseBytes);
  if (freeBytes >= neededBytes) return { kind: "enough", neededBytes };
  if (freeBytes + reserveBytes >= neededBytes) return { kind: "with-reserve", neededBytes };
  throw new OpenError(
    "no-space",
    `the disk is full: a start needs ${String(neededBytes)} bytes and finds ${String(freeBytes + reserveBytes)}`,
    { hint: "free space on the file system of the database, then start again; nothing is lost" },
  );
}
