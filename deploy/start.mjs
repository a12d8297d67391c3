/**
 * `npm start`: set up what is missing, then become the daemon, in this very process, so that a
 * signal to it is a signal to the daemon. Everything after `--` is handed on:
 * `npm start -- --listen 127.0.0.1:0`. What is set here are defaults; the environment and the
 * flags decide.
 */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root, setUp } from "./setup.mjs";

setUp();

const embedded = {
  KVDB_SQLITE_FILE: join(root, "data/kv.db"),
  KVDB_LISTEN: "127.0.0.1:50051",
  KVDB_HTTP_LISTEN: "127.0.0.1:9464",
};
for (const [name, value] of Object.entries(embedded)) process.env[name] ??= value;

// A container's only user is often root, and a checkout under development belongs to it. The daemon
// itself refuses root, so that a service is never run as root without somebody having said so.
const flags = process.argv.slice(2);
if (process.getuid?.() === 0) flags.unshift("--allow-root");

const daemon = join(root, "dist/src/kvdbd.js");
process.argv = [process.execPath, daemon, ...flags];
await import(pathToFileURL(daemon).href);
