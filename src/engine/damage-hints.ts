/** What an operator can do about damage with what there is today: no command makes copies yet. */

/** Of a row that is read on behalf of a caller, who can write it anew. */
export const damagedRowHint =
  "run `kvdb integrity --checksum` to see the extent; overwrite or delete the key, or put back a " +
  "copy of the data directory that was made while kvdbd was stopped";

/** Of a page, or of a row that no caller can write. */
export const damagedStoreHint =
  "run `kvdb integrity --all` to see the extent, save what can be read with `kvdb export`, and put " +
  "back a copy of the data directory that was made while kvdbd was stopped";

/** Of a store that does not even open. */
export const damagedFileHint =
  "keep the damaged files, and put back a copy of the data directory that was made while kvdbd was " +
  "stopped; what a damaged copy still serves, `kvdb export` saves";
