/** How handlers reach the engine, which may still be opening, and what is made once per store. */
import type { Clock } from "../foundation/clock.js";
import type { TxnRequest, TxnResult } from "../storage/model.js";
import type { Outcome, StorageEngine } from "../storage/storage-engine.js";
import type { CallContext } from "./call.js";
import { notServing } from "./handler.js";
import { PageTokens } from "./page-token.js";
import type { HealthSource } from "./readiness.js";
import { statusOfOutcome } from "./status.js";

export interface EngineAccessOptions {
  engine(): StorageEngine | undefined;
  readonly health: HealthSource;
  readonly tokenSecret: Uint8Array;
  readonly clock: Clock;
}

export type Committed = Extract<Outcome<TxnResult>, { readonly kind: "ok" }>;

export class EngineAccess {
  readonly #options: EngineAccessOptions;
  #tokensOf: { readonly engine: StorageEngine; readonly tokens: PageTokens } | undefined;

  constructor(options: EngineAccessOptions) {
    this.#options = options;
  }

  /** Undefined while it is being opened: only administration can do with that. */
  get opened(): StorageEngine | undefined {
    return this.#options.engine();
  }

  /** Throws NOT_READY (or DRAINING) where there is none. */
  get current(): StorageEngine {
    const engine = this.#options.engine();
    if (engine === undefined) throw notServing(this.#options.health);
    return engine;
  }

  get tokens(): PageTokens {
    const engine = this.current;
    if (this.#tokensOf?.engine !== engine) {
      const { storeId } = engine.maintenance.status();
      const tokens = new PageTokens(this.#options.tokenSecret, storeId);
      this.#tokensOf = { engine, tokens };
    }
    return this.#tokensOf.tokens;
  }

  /** Throws a StatusError for every way in which a commit can end other than well. */
  async commit(request: TxnRequest, call: CallContext): Promise<Committed> {
    const outcome = await this.current.commit(request, call);
    if (outcome.kind === "ok") return outcome;
    throw statusOfOutcome(outcome, call.deadlineMs <= this.#options.clock.wallMs());
  }
}
