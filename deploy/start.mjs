/**
 * `npm start`: set up what is missing, then become the daemon, in this very process, so that a
 * signal to it is a signal to the daemon. Everything after `--` is handed on:
 * `npm start -- --listen 127.0.0.1:0`. The settings are the daemon's own defaults: data below
 * ./data, gRPC on 127.0.0.1:50051, HTTP on 127.0.0.1:9464.
 */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root, setUp } from "./setup.mjs";

setUp();

// A container's only user is often root, and a checkout under development belongs to it. The daemon
// itself refuses root, so that a service is never run as root without somebody having said so.
const flags = process.argv.slice(2);
if (process.getuid?.() === 0) flags.unshift("--allow-root");

process.stderr.write("kvdb: starting; the ready line names the addresses, Ctrl-C stops it\n");
const daemon = join(root, "dist/src/kvdbd.js");
process.argv = [process.execPath, daemon, ...flags];
await import(pathToFileURL(daemon).href);
