/** kvdb export */

import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { type KeyValue, timestampText } from "../../client/index.js";
import { keyEncodingFlag } from "../bytes-input.js";
import type { Command, Invocation } from "../command.js";
import { everyKey, rangeFlags, rangeFrom } from "../ranges.js";
import { scanParts } from "../scanning.js";
import { showCount } from "../show.js";

export const exportCommand: Command = {
  name: "export",
  summary: "Write a range as JSON lines that `kvdb load --format entries` takes back.",
  positionals: [],
  flags: {
    ...rangeFlags,
    file: { kind: "text", placeholder: "PATH", doc: "Write to this file instead of stdout." },
    ...keyEncodingFlag,
  },
  details:
    "One snapshot: should the server have to cut the stream, the export fails rather than mix two. Each line has key and value in base64, the expiry when there is one, and for information the revisions and version. Entries bound to a lease are written without it.",
  examples: ["kvdb export > all.jsonl", "kvdb export --prefix city/ --file cities.jsonl"],
  run: async (call) => {
    const { flags, out, namespace, signal, timeoutMs } = call;
    const range = rangeFrom(flags) ?? everyKey;
    const client = await call.connect();
    const sink = await openSink(call);
    let entries = 0;
    let revision = 0n;
    const parts = scanParts(
      client,
      { namespace, range },
      { signal, timeoutMs, onResume: undefined },
    );
    for await (const part of parts) {
      revision = part.header?.revision ?? revision;
      entries += part.kvs.length;
      if (part.kvs.length > 0) await sink.write(`${part.kvs.map(exportLine).join("\n")}\n`);
    }
    await sink.close();
    out.note(`${showCount(entries)} entries as of revision ${String(revision)}`);
    return "ok";
  },
};

function exportLine(kv: KeyValue): string {
  return JSON.stringify({
    key: Buffer.from(kv.key).toString("base64"),
    value: Buffer.from(kv.value).toString("base64"),
    ...(kv.expireTime !== undefined && { expireTime: timestampText(kv.expireTime) }),
    createRevision: String(kv.createRevision),
    modRevision: String(kv.modRevision),
    version: String(kv.version),
  });
}

interface Sink {
  readonly write: (text: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

async function openSink({ flags, out }: Invocation): Promise<Sink> {
  const path = flags.text("file");
  if (path === undefined)
    return { write: (text) => out.bytes(Buffer.from(text)), close: async () => {} };
  const file = createWriteStream(path, { flush: true });
  await once(file, "open");
  return {
    write: async (text) => {
      if (!file.write(text)) await once(file, "drain");
    },
    close: async () => {
      file.end();
      await once(file, "close");
    },
  };
}
