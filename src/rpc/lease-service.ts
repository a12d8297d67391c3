/** LeaseService: entries that end together. Changes of leases are commits like any other. */
import { assert } from "../foundation/assert.js";
import { leaseTtlMsMin, pageBytesMax, pageRowsMax } from "../storage/limits.js";
import type { Key, Lease, LeaseOperation, Revision } from "../storage/model.js";
import type {
  GetLeaseRequest,
  GetLeaseResponse,
  GrantLeaseRequest,
  GrantLeaseResponse,
  KeepAliveLeaseRequest,
  KeepAliveLeaseResponse,
  ListLeasesRequest,
  ListLeasesResponse,
  RevokeLeaseRequest,
  RevokeLeaseResponse,
  Lease as WireLease,
} from "../wire/kvdb/v1/lease.js";
import type { Bidi, CallContext, Unary } from "./call.js";
import { decodeNamespace, decodePageSize, decodeRequestId } from "./decode.js";
import { decodeLeaseId, decodeTtl } from "./decode-expiry.js";
import { encodeDuration, encodeHeader, encodeTime } from "./encode.js";
import type { Committed, EngineAccess } from "./engine-access.js";
import { invalid, refuse } from "./error-details.js";
import { onlyResult } from "./only-result.js";

const idBytes = 8;

export class LeaseService {
  readonly #access: EngineAccess;

  constructor(access: EngineAccess) {
    this.#access = access;
  }

  readonly grant: Unary<GrantLeaseRequest, GrantLeaseResponse> = async (request, call) => {
    if (request.ttl === undefined) throw ttlMissing();
    const ttlMs = decodeTtl(request.ttl, "ttl", leaseTtlMsMin);
    // The engine chooses an id where none is named, so that a retry is the same request.
    const leaseId = request.leaseId === 0n ? undefined : decodeLeaseId(request.leaseId);
    const { header, value } = await this.#commit(
      request,
      { kind: "lease-grant", leaseId, ttlMs },
      call,
    );
    const { lease } = onlyResult(value.responses, "lease");
    assert(lease !== undefined, "a lease that was granted is there");
    return { header: encodeHeader(header), lease: encodeFresh(lease) };
  };

  readonly revoke: Unary<RevokeLeaseRequest, RevokeLeaseResponse> = async (request, call) => {
    const leaseId = decodeLeaseId(request.leaseId);
    const operation = { kind: "lease-revoke", leaseId } as const;
    const { header, value } = await this.#commit(request, operation, call);
    return {
      header: encodeHeader(header),
      deletedCount: onlyResult(value.responses, "expired").count,
    };
  };

  /** One at a time: answers come in the order of the requests. */
  readonly keepAlive: Bidi<KeepAliveLeaseRequest, KeepAliveLeaseResponse> = async (
    requests,
    out,
    call,
  ) => {
    for await (const { namespace, leaseId: id } of requests) {
      const leaseId = decodeLeaseId(id);
      const operation = { kind: "lease-keep-alive", leaseId } as const;
      const { header, value } = await this.#commit({ namespace, requestId: "" }, operation, call);
      const { lease } = onlyResult(value.responses, "lease");
      await out.write({
        header: encodeHeader(header),
        leaseId,
        lease: lease && encodeFresh(lease),
      });
    }
  };

  readonly get: Unary<GetLeaseRequest, GetLeaseResponse> = (request) => {
    const namespace = decodeNamespace(request.namespace);
    const leaseId = decodeLeaseId(request.leaseId);
    const keysMax = request.keys ? pageRowsMax : 0;
    const { header, info } = this.#access.current.leases.get(namespace, leaseId, keysMax);
    if (info === undefined) throw leaseNotFound();
    return {
      header: encodeHeader(header),
      lease: encodeLease(info.lease, info.remainingMs),
      keys: withinPage(info.keys),
      keyCount: info.keyCount,
    };
  };

  readonly list: Unary<ListLeasesRequest, ListLeasesResponse> = (request) => {
    const namespace = decodeNamespace(request.namespace);
    const rowsMax = decodePageSize(request.pageSize);
    const { tokens } = this.#access;
    const from =
      request.pageToken === ""
        ? undefined
        : tokens.open("leases", [namespace], request.pageToken, "page_token");
    const after = from === undefined ? 0n : Buffer.from(from.lastKey).readBigUInt64BE();
    // One more than wanted tells whether there is a next page.
    const found = this.#access.current.leases.list(namespace, { after, rowsMax: rowsMax + 1 });
    const page = found.leases.slice(0, rowsMax);
    const last = page.at(-1)?.lease;
    const more = last !== undefined && found.leases.length > rowsMax;
    return {
      header: encodeHeader(found.header),
      leases: page.map(({ lease, remainingMs }) => encodeLease(lease, remainingMs)),
      nextPageToken: more
        ? tokens.issue("leases", [namespace], {
            revision: 0n as Revision,
            lastKey: idAsBytes(last.leaseId),
          })
        : "",
    };
  };

  #commit(
    request: { readonly namespace: string; readonly requestId: string },
    operation: LeaseOperation,
    call: CallContext,
  ): Promise<Committed> {
    const txn = {
      namespace: decodeNamespace(request.namespace),
      principal: call.principal.name,
      requestId: decodeRequestId(request.requestId),
      body: { compares: [], success: [operation], failure: [] },
    };
    return this.#access.commit(txn, call);
  }
}

/** Granted or kept alive a moment ago: all of its time is left, whatever the wall clock says. */
function encodeFresh(lease: Lease): WireLease {
  return encodeLease(lease, lease.ttlMs);
}

function encodeLease(lease: Lease, remainingMs: number): WireLease {
  return {
    leaseId: lease.leaseId,
    ttl: encodeDuration(lease.ttlMs),
    expireTime: encodeTime(lease.deadlineMs),
    remainingTtl: encodeDuration(remainingMs),
  };
}

/** The first keys that fit a page. */
function withinPage(keys: readonly Key[]): Key[] {
  let bytes = 0;
  return keys.filter((key) => {
    bytes += key.length;
    return bytes <= pageBytesMax;
  });
}

function idAsBytes(leaseId: bigint): Uint8Array {
  const bytes = Buffer.alloc(idBytes);
  bytes.writeBigUInt64BE(leaseId);
  return bytes;
}

function leaseNotFound(): Error {
  return refuse("LEASE_NOT_FOUND", {
    message: "the lease does not exist or has run out",
    hint: "grant a new one; what was bound to the old one is gone",
    resource: { type: "lease", name: "" },
  });
}

function ttlMissing(): Error {
  return invalid("FIELD_MISSING", {
    field: "ttl",
    message: "ttl is not set",
    hint: "say how long the lease lasts without being kept alive",
  });
}
