/** Interim by the lead: whoever writes this part replaces it. */
import { openConnection } from "../sqlite/connection.js";

const [file = "", mode] = process.argv.slice(2);
const connection = openConnection({
  file,
  role: "reader",
  pragmas: {
    synchronous: "EXTRA",
    foreignKeys: true,
    nativeBusyTimeoutMs: 50,
    cacheBytes: 1 << 20,
  },
});
const rows = connection.pragma(mode === "quick" ? "quick_check" : "integrity_check") as Record<
  string,
  string
>[];
process.send?.(rows.map((row) => Object.values(row)[0] ?? "").filter((text) => text !== "ok"));
connection.close();
