/**
 * The outcomes of a group as bytes: how they come back from the writer thread. The header's epoch,
 * node and store are the same for all of them and known to both sides, so only the revision travels.
 */
import { unreachable } from "../../foundation/assert.js";
import type { EngineErrorKind, Refusal, RefusalFacts } from "../../storage/errors.js";
import type { Header, Namespace, Revision, TxnResult } from "../../storage/model.js";
import type { Outcome } from "../../storage/storage-engine.js";
import { ByteReader } from "./byte-reader.js";
import { ByteWriter } from "./byte-writer.js";
import { readResult, writeResult } from "./result-codec.js";

const kinds = { ok: 1, refused: 2, fenced: 3 } as const;

export function encodeOutcomes(outcomes: readonly Outcome<TxnResult>[]): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter(outcomes.length * 32);
  for (const outcome of outcomes) writeOutcome(out, outcome);
  return out.finish();
}

/** One outcome per namespace, in the order of the group. Bytes in them are views of the source. */
export function decodeOutcomes(
  bytes: Uint8Array,
  group: readonly Namespace[],
  identity: Pick<Header, "epoch" | "nodeId" | "storeId">,
): Outcome<TxnResult>[] {
  const source = new ByteReader(bytes);
  return group.map((namespace) => readOutcome(source, namespace, identity));
}

function writeOutcome(out: ByteWriter, outcome: Outcome<TxnResult>): void {
  switch (outcome.kind) {
    case "ok":
      out.u8(kinds.ok);
      out.u64(outcome.header.revision);
      writeResult(out, outcome.value);
      return;
    case "refused":
      out.u8(kinds.refused);
      writeRefusal(out, outcome.refusal);
      return;
    case "fenced":
      out.u8(kinds.fenced);
      return;
    case "not-leader":
    case "unknown":
      // A local writer leads while it lives, and says "unknown" by latching, for the whole group.
      throw new Error(`a local writer cannot answer ${outcome.kind}`);
    default:
      unreachable(outcome);
  }
}

function readOutcome(
  source: ByteReader,
  namespace: Namespace,
  identity: Pick<Header, "epoch" | "nodeId" | "storeId">,
): Outcome<TxnResult> {
  const kind = source.u8();
  switch (kind) {
    case kinds.ok: {
      const revision = source.u64() as Revision;
      return {
        kind: "ok",
        header: { namespace, revision, ...identity },
        value: readResult(source),
      };
    }
    case kinds.refused:
      return { kind: "refused", refusal: readRefusal(source) };
    case kinds.fenced:
      return { kind: "fenced" };
    default:
      throw new RangeError(`an outcome of kind ${kind} is not known`);
  }
}

function writeRefusal(out: ByteWriter, refusal: Refusal): void {
  out.text(refusal.kind);
  out.text(refusal.message);
  out.text(refusal.hint);
  out.text(JSON.stringify(refusal.facts));
}

function readRefusal(source: ByteReader): Refusal {
  return {
    kind: source.text() as EngineErrorKind,
    message: source.text(),
    hint: source.text(),
    facts: JSON.parse(source.text()) as RefusalFacts,
  };
}
