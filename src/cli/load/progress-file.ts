/**
 * What of a load the server has acknowledged, in a small file beside the source, so that the same
 * command goes on where an earlier one ended. It is advice: when it is lost, chunks are written
 * again with the same values.
 */
import { createHash } from "node:crypto";
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { isSystemError } from "../exit-codes.js";

/** What must be the same for two runs to be one load. */
export interface LoadIdentity {
  readonly fingerprint: string;
  readonly template: string;
  readonly chunkRows: number;
  readonly namespace: string;
  /** The server's history: a store that was replaced has not seen the earlier chunks. */
  readonly storeId: string;
}

export interface LoadProgress {
  readonly loadId: string;
  /** Chunks 1 to this one are on the server's disk. */
  readonly acknowledgedChunk: bigint;
  readonly acknowledgedRows: number;
}

const identityCharacters = 12;

export class ProgressFile {
  readonly path: string;
  readonly #identity: string;

  constructor(sourcePath: string, identity: LoadIdentity) {
    const { fingerprint, template, chunkRows, namespace, storeId } = identity;
    this.#identity = createHash("sha256")
      .update(JSON.stringify([fingerprint, template, chunkRows, namespace, storeId]))
      .digest("hex");
    const name = `.${basename(sourcePath)}.${this.#identity.slice(0, identityCharacters)}.kvdb-load`;
    this.path = join(dirname(sourcePath), name);
  }

  /** Undefined: there is none, or it is not about this load. */
  read(): LoadProgress | undefined {
    let text: string;
    try {
      text = readFileSync(this.path, "utf8");
    } catch (error) {
      if (isSystemError(error) && error.code === "ENOENT") return undefined;
      throw error;
    }
    const [identity, loadId = "", chunk = "", rows = ""] = text.trim().split("\n");
    const isWhole = /^\d+$/.test(chunk) && /^\d+$/.test(rows) && loadId !== "";
    if (identity !== this.#identity || !isWhole) return undefined;
    return { loadId, acknowledgedChunk: BigInt(chunk), acknowledgedRows: Number(rows) };
  }

  /** Whole or not at all: a reader sees the text before or the text after. */
  write({ loadId, acknowledgedChunk, acknowledgedRows }: LoadProgress): void {
    const lines = [this.#identity, loadId, String(acknowledgedChunk), String(acknowledgedRows)];
    const written = `${this.path}.new`;
    writeFileSync(written, `${lines.join("\n")}\n`, { mode: 0o600 });
    renameSync(written, this.path);
  }

  remove(): void {
    rmSync(this.path, { force: true });
  }
}
