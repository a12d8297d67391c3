/**
 * The HTTP side for machines that watch: /metrics, /livez, /readyz, /version. It is handed
 * functions and knows no engine. Nothing here changes anything, so there is nothing to authorise;
 * the daemon binds it to loopback unless told otherwise. Sizes and times are bounded, because even
 * a health probe can be a slow client.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { describeError, type Log } from "../observability/log.js";

/** One named reason to be ready or not. */
export interface ReadinessCheck {
  readonly name: string;
  readonly ok: boolean;
  /** For people; one line. */
  readonly detail: string;
}

export interface OpsSources {
  /** The metrics page and its content type. */
  metrics(): Promise<{ readonly text: string; readonly contentType: string }>;
  /** False = the process should be restarted. It must be cheap and must not ask the disk. */
  live(): boolean;
  readiness(): readonly ReadinessCheck[];
  /** Versions by name. */
  version(): Readonly<Record<string, string>>;
}

export type OpsAddress =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

const limits = {
  headerBytesMax: 8 * 1024,
  connectionsMax: 128,
  headersTimeoutMs: 5_000,
  requestTimeoutMs: 10_000,
  keepAliveTimeoutMs: 5_000,
} as const;
const plain = "text/plain; charset=utf-8";
const paths = ["/metrics", "/livez", "/readyz", "/version"] as const;

export class OpsServer {
  readonly #sources: OpsSources;
  readonly #log: Log;
  readonly #server: Server;
  #closed: Promise<void> | undefined;

  private constructor(sources: OpsSources, log: Log) {
    this.#sources = sources;
    this.#log = log;
    this.#server = createServer(
      {
        maxHeaderSize: limits.headerBytesMax,
        headersTimeout: limits.headersTimeoutMs,
        requestTimeout: limits.requestTimeoutMs,
        keepAliveTimeout: limits.keepAliveTimeoutMs,
      },
      (request, response) => {
        void this.#answer(request, response);
      },
    );
    this.#server.maxConnections = limits.connectionsMax;
  }

  /** Binds and serves. Rejects with the system's error when the address cannot be bound. */
  static async open(address: OpsAddress, sources: OpsSources, log: Log): Promise<OpsServer> {
    const ops = new OpsServer(sources, log);
    await new Promise<void>((resolve, reject) => {
      ops.#server.once("error", reject);
      const target =
        address.kind === "unix"
          ? { path: address.path }
          : { host: address.host, port: address.port };
      ops.#server.listen(target, () => {
        ops.#server.off("error", reject);
        resolve();
      });
    });
    log.event("ops.listening", { address: ops.address });
    return ops;
  }

  /** What was bound: host:port with the real port, or unix:/path. */
  get address(): string {
    const bound = this.#server.address();
    if (bound === null) return "";
    if (typeof bound === "string") return `unix:${bound}`;
    const host = bound.family === "IPv6" ? `[${bound.address}]` : bound.address;
    return `${host}:${String(bound.port)}`;
  }

  /** Stops listening and ends all connections, idle ones too. Twice is fine. */
  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      this.#server.close(() => {
        resolve();
      });
      this.#server.closeAllConnections();
    });
    return this.#closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Nothing is read from a client here; a body that comes along is thrown away unread.
    request.resume();
    let answer: Answer;
    try {
      answer = await this.#route(request);
    } catch (error) {
      this.#log.event("ops.request-failed", { cause: describeError(error) });
      answer = text(500, "this failed; the log says why");
    }
    const body = Buffer.from(answer.body, "utf8");
    response.writeHead(answer.status, {
      "content-type": answer.contentType,
      "content-length": body.length,
      "cache-control": "no-store",
      ...(answer.status === 405 ? { allow: "GET, HEAD" } : {}),
    });
    response.end(request.method === "HEAD" ? undefined : body);
  }

  async #route(request: IncomingMessage): Promise<Answer> {
    // Split by hand: a request line may hold anything, and URL would throw on some of it.
    const [path = "", query = ""] = (request.url ?? "").split("?", 2);
    if (!isPath(path)) return text(404, `no such page; there are ${paths.join(", ")}`);
    if (request.method !== "GET" && request.method !== "HEAD") {
      return text(405, "only GET and HEAD are answered here");
    }
    switch (path) {
      case "/metrics": {
        const page = await this.#sources.metrics();
        return { status: 200, contentType: page.contentType, body: page.text };
      }
      case "/livez":
        return this.#sources.live() ? text(200, "ok") : text(503, "not alive");
      case "/readyz":
        return readyPage(this.#sources.readiness(), new URLSearchParams(query).has("verbose"));
      case "/version":
        return {
          status: 200,
          contentType: "application/json; charset=utf-8",
          body: `${JSON.stringify(this.#sources.version())}\n`,
        };
    }
  }
}

function readyPage(checks: readonly ReadinessCheck[], verbose: boolean): Answer {
  const failed = checks.filter((check) => !check.ok);
  const status = failed.length === 0 ? 200 : 503;
  const shown = verbose ? checks : failed;
  const lines = shown.map(({ name, ok, detail }) => `[${ok ? "+" : "-"}] ${name}: ${detail}`);
  return text(status, [...lines, status === 200 ? "ready" : "not ready"].join("\n"));
}

function isPath(path: string): path is (typeof paths)[number] {
  return (paths as readonly string[]).includes(path);
}

function text(status: number, body: string): Answer {
  return { status, contentType: plain, body: `${body}\n` };
}
