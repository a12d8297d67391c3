/** List and Scan: ranges page by page, with tokens that continue exactly where a page ended. */
import { assert } from "../foundation/assert.js";
import { EngineError } from "../storage/errors.js";
import { pageBytesMax } from "../storage/limits.js";
import type { KeyRange, Namespace } from "../storage/model.js";
import type { Page, RangeRead } from "../storage/storage-engine.js";
import type { ListRequest, ListResponse, ScanRequest, ScanResponse } from "../wire/kvdb/v1/kv.js";
import type { CallContext, ServerStream, StreamWriter, Unary } from "./call.js";
import { decodeNamespace, decodePageSize, decodeRange, decodeRevision } from "./decode.js";
import { encodeEntry, encodeHeader } from "./encode.js";
import type { EngineAccess } from "./engine-access.js";
import { invalid, refuse } from "./error-details.js";
import type { PagePosition, RequestParts, TokenKind } from "./page-token.js";
import { HeaderBytes, ScanAnswer } from "./read-answers.js";

/** A request after decoding, with where it continues. */
interface RangeQuery {
  readonly kind: TokenKind;
  readonly namespace: Namespace;
  readonly read: RangeRead;
  /** What its tokens are bound to. */
  readonly parts: RequestParts;
  /** Undefined on the first page. */
  readonly from: PagePosition | undefined;
}

export class ScanService {
  readonly #access: EngineAccess;
  readonly #headers = new HeaderBytes();

  constructor(access: EngineAccess) {
    this.#access = access;
  }

  readonly list: Unary<ListRequest, ListResponse> = async (request, call) => {
    const rowsMax = decodePageSize(request.pageSize);
    if (request.countOnly) return this.#count(request, call);
    const query = this.#query("list", request, request.pageToken, "page_token");
    const page = await atSameRevision(query, (read) =>
      this.#access.current.list(
        query.namespace,
        { ...read, rowsMax, bytesMax: pageBytesMax, count: false },
        call,
      ),
    );
    return {
      header: encodeHeader(page.header),
      kvs: page.entries.map(encodeEntry),
      nextPageToken: this.#continuation(query, page),
      count: page.entries.length,
    };
  };

  readonly scan: ServerStream<ScanRequest, ScanResponse> = async (request, out, call) => {
    const query = this.#query("scan", request, request.resumeToken, "resume_token");
    // The token that the client has, from which it can go on if the stream is cut.
    const progress = { resumeToken: request.resumeToken, sent: false };
    try {
      await atSameRevision(query, (read) => this.#stream(query, read, progress, out, call));
    } catch (error) {
      throw slowConsumer(error, progress.resumeToken) ?? error;
    }
    if (!progress.sent) {
      const header = encodeHeader(await this.#access.current.head(query.namespace));
      await out.write({ header, kvs: [], resumeToken: "" });
    }
  };

  async #stream(
    query: RangeQuery,
    read: RangeRead,
    progress: { resumeToken: string; sent: boolean },
    out: StreamWriter<ScanResponse>,
    call: CallContext,
  ): Promise<void> {
    for await (const page of this.#access.current.scan(query.namespace, read, "Scan", call)) {
      const resumeToken = this.#continuation(query, page);
      const wait = out.write(this.#answer(page, resumeToken));
      progress.sent = true;
      progress.resumeToken = resumeToken;
      if (wait !== undefined) await wait;
    }
  }

  /** Entries are asked for only where there are no bytes: a page makes them when it is asked. */
  #answer(page: Page, resumeToken: string): ScanResponse {
    const { header, packed } = page;
    if (packed !== undefined) return new ScanAnswer(header, packed, resumeToken, this.#headers);
    return { header: encodeHeader(header), kvs: page.entries.map(encodeEntry), resumeToken };
  }

  async #count(request: ListRequest, call: CallContext): Promise<ListResponse> {
    if (request.pageToken !== "") {
      throw invalid("PAGE_TOKEN_INVALID", {
        field: "page_token",
        message: "page_token is set with count_only",
        hint: "counting has no pages; leave page_token empty",
      });
    }
    const { namespace, read } = this.#query("list", request, "", "page_token");
    // A page has at least one row; the count does not depend on it.
    const page = await this.#access.current.list(
      namespace,
      { ...read, keysOnly: true, rowsMax: 1, bytesMax: pageBytesMax, count: true },
      call,
    );
    assert(page.count !== undefined, "a count that was asked for is there");
    return {
      header: encodeHeader(page.header),
      kvs: [],
      nextPageToken: "",
      count: page.count,
    };
  }

  #query(
    kind: "list" | "scan",
    request: Pick<ListRequest, "namespace" | "range" | "reverse" | "keysOnly" | "revision">,
    token: string,
    tokenField: string,
  ): RangeQuery {
    const namespace = decodeNamespace(request.namespace);
    const range = decodeRange(request.range);
    const { reverse, keysOnly } = request;
    const at = decodeRevision(request.revision);
    const parts = partsOf(namespace, range, reverse, keysOnly, at);
    const from =
      token === "" ? undefined : this.#access.tokens.open(kind, parts, token, tokenField);
    const read = { range, reverse, keysOnly, at, after: from?.lastKey };
    return { kind, namespace, read, parts, from };
  }

  /** Empty when the range is exhausted. */
  #continuation(query: RangeQuery, page: Page): string {
    if (!page.more) return "";
    const lastKey = page.packed?.lastKey ?? page.entries.at(-1)?.key;
    assert(lastKey !== undefined, "a page that is not the last one has an entry");
    return this.#access.tokens.issue(query.kind, query.parts, {
      revision: query.from?.revision ?? page.header.revision,
      lastKey,
    });
  }
}

function partsOf(
  namespace: Namespace,
  range: KeyRange,
  reverse: boolean,
  keysOnly: boolean,
  at: bigint | undefined,
): RequestParts {
  return [namespace, range.start, range.end, reverse, keysOnly, at];
}

/**
 * A later page reads the revision of the first one where the namespace keeps history, and the newest
 * state elsewhere; only the engine knows which it is.
 */
async function atSameRevision<Result>(
  { read, from }: RangeQuery,
  run: (read: RangeRead) => Promise<Result>,
): Promise<Result> {
  if (read.at !== undefined || from === undefined || from.revision === 0n) return run(read);
  try {
    return await run({ ...read, at: from.revision });
  } catch (error) {
    if (error instanceof EngineError && error.kind === "history-off") return run(read);
    throw error;
  }
}

/** The engine ends a snapshot that holds the WAL for too long: the reader was not fast enough. */
function slowConsumer(error: unknown, resumeToken: string): Error | undefined {
  if (!(error instanceof EngineError)) return undefined;
  const cut = ["snapshot-expired", "slow-consumer", "wal-limit"].includes(error.kind);
  if (!cut) return undefined;
  return refuse("SLOW_CONSUMER", {
    message: `the stream was cut: ${error.message}`,
    hint: "go on with the resume_token of the last message received",
    metadata: { ...error.facts, resume_token: resumeToken },
    cause: error,
  });
}
