/** What a call ended with: a refusal of the server's own, or a server that went away. */
import assert from "node:assert/strict";
import type { Metadata } from "@grpc/grpc-js";
import { ErrorInfo } from "../../src/wire/google/rpc/error_details.js";
import { Status } from "../../src/wire/google/rpc/status.js";
import { Broken } from "./port.js";
import type { WireRefusal } from "./wire-answers.js";

/** Those facts of a refusal that the model knows. */
const knownFacts = ["actual_mod_revision", "actual_version", "actual_create_revision", "chunk_id"];

/** Throws Broken for a failure of the transport, and whatever is no failure of a call as it is. */
export function refusalOf(error: unknown): WireRefusal {
  const { metadata, code } = error as { readonly metadata?: Metadata; readonly code?: unknown };
  if (metadata === undefined || typeof code !== "number") throw error;
  const [details] = metadata.get("grpc-status-details-bin");
  if (!(details instanceof Uint8Array)) throw new Broken([], error);
  const refusal = refusalOfStatus(Status.decode(details));
  assert.equal(refusal.code, code, "the details repeat the code of the trailers");
  return refusal;
}

export function refusalOfStatus({ code, details }: Status): WireRefusal {
  const info = details.find(({ typeUrl }) => typeUrl.endsWith("google.rpc.ErrorInfo"));
  assert.ok(info !== undefined, "every refusal has an ErrorInfo");
  const { reason, domain, metadata } = ErrorInfo.decode(info.value);
  assert.equal(domain, "kvdb");
  const facts = [...metadata].filter(([name]) => knownFacts.includes(name));
  return facts.length === 0 ? { code, reason } : { code, reason, facts: Object.fromEntries(facts) };
}
