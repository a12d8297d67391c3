/**
 * The SQLite binding, required and not imported: it is CommonJS, and an import of that kind has its
 * source read and parsed for names first, in every thread that starts.
 */
import { createRequire } from "node:module";
import type BetterSqlite3 from "better-sqlite3";

const require = createRequire(import.meta.url);

export const Database = require("better-sqlite3") as typeof BetterSqlite3;
/** Of the package that is installed. */
export const bindingVersion = (
  require("better-sqlite3/package.json") as { readonly version: string }
).version;
