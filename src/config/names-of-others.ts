/** Variables that look like settings and are none, each with why it is no mistake. */

/** Names that are not settings of the daemon but are no mistake either, with what they are. */
export const namesOfOthers: Readonly<Record<string, string>> = {
  KVDB_ADDRESS: "where the command line tool finds the daemon; the daemon ignores it",
};

/**
 * A variable of the system this one takes over from. kvdb has no full-text index, so OFF is true
 * and anything else would be a promise that nobody keeps.
 */
export const fullTextCheckVariable = "KVDB_SQLITE_FTS5_INTEGRITY_CHECK_ON_STARTUP";
