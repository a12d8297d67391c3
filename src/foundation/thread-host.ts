/**
 * The inner end of a thread link: takes requests off the parent port, one after the other, and
 * answers each. A refusal travels back as a failure; a bug (AssertionError) is not answered: it
 * ends the thread, and the link tells everyone.
 */
import { isMainThread, type MessagePort, parentPort, type Transferable } from "node:worker_threads";
import { AssertionError, assert } from "./assert.js";

export interface Kinded {
  readonly kind: string;
}

/** An error as it crosses the thread border: class and methods stay behind, own fields travel. */
export interface ThreadFailure {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface ToThread {
  readonly id: number;
  readonly message: unknown;
}

export type FromThread =
  | { readonly type: "reply"; readonly id: number; readonly reply: unknown }
  | { readonly type: "failure"; readonly id: number; readonly failure: ThreadFailure }
  | { readonly type: "event"; readonly event: unknown };

/** A reply whose buffers move to the other thread instead of being copied. */
export class Transferring<Reply> {
  readonly reply: Reply;
  readonly transfer: readonly Transferable[];

  constructor(reply: Reply, transfer: readonly Transferable[]) {
    this.reply = reply;
    this.transfer = transfer;
  }
}

/** What a host needs of its end: a worker's parent port, or whatever carries the same messages. */
export interface HostPort {
  onMessage(listener: (message: ToThread) => void): void;
  postMessage(message: FromThread, transfer: readonly Transferable[]): void;
  /** Runs in a turn of the thread's own, where what is thrown ends the thread. */
  onLaterTurn(run: () => void): void;
  /** No message is taken any more. */
  close(): void;
}

/** The port of the thread that calls this. Asserts outside a worker thread. */
export function ownHostPort(): HostPort {
  const port: MessagePort | null = parentPort;
  assert(!isMainThread && port !== null, "a thread file must be started as a thread");
  return {
    onMessage: (listener) => port.on("message", listener),
    postMessage: (message, transfer) => {
      port.postMessage(message, transfer);
    },
    onLaterTurn: setImmediate,
    close: () => {
      port.close();
    },
  };
}

type ReplyOf<To extends Kinded, Replies extends Readonly<Record<To["kind"], unknown>>> =
  | Replies[To["kind"]]
  | Transferring<Replies[To["kind"]]>;

export class ThreadHost<Event> {
  readonly #port: HostPort;

  private constructor(port: HostPort) {
    this.#port = port;
  }

  /**
   * Starts answering. A handler that returns a plain reply is done before the next message is
   * looked at; a promise lets the next message overtake it.
   */
  static serve<
    To extends Kinded,
    Replies extends Readonly<Record<To["kind"], unknown>>,
    Event = never,
  >(
    port: HostPort,
    handle: (message: To) => ReplyOf<To, Replies> | Promise<ReplyOf<To, Replies>>,
  ): ThreadHost<Event> {
    const host = new ThreadHost<Event>(port);
    port.onMessage(({ id, message }) => {
      try {
        const reply = handle(message as To);
        if (reply instanceof Promise) host.#settle(id, reply);
        else host.#answer(id, reply);
      } catch (error) {
        host.#fail(id, error);
      }
    });
    return host;
  }

  /** Tells the other side something it did not ask for. Order is kept with the answers. */
  push(event: Event, transfer: readonly Transferable[] = []): void {
    this.#post({ type: "event", event }, transfer);
  }

  /**
   * Stops listening, once the handler that calls this has answered: the thread ends when nothing
   * else keeps it alive.
   */
  close(): void {
    this.#port.onLaterTurn(() => {
      this.#port.close();
    });
  }

  #settle(id: number, reply: Promise<unknown>): void {
    reply.then(
      (value) => {
        this.#answer(id, value);
      },
      (error: unknown) => {
        // On a later turn, so that a bug becomes an uncaught error of the thread, not a rejection.
        this.#port.onLaterTurn(() => {
          this.#fail(id, error);
        });
      },
    );
  }

  #answer(id: number, value: unknown): void {
    if (value instanceof Transferring) {
      this.#post({ type: "reply", id, reply: value.reply }, value.transfer);
    } else {
      this.#post({ type: "reply", id, reply: value }, []);
    }
  }

  #fail(id: number, error: unknown): void {
    if (error instanceof AssertionError) throw error;
    this.#post({ type: "failure", id, failure: describeFailure(error) }, []);
  }

  #post(message: FromThread, transfer: readonly Transferable[]): void {
    this.#port.postMessage(message, transfer);
  }
}

/** Own fields of plain data only: a function or a class instance would not survive the journey. */
function describeFailure(error: unknown): ThreadFailure {
  if (!(error instanceof Error)) {
    return { name: "Error", message: String(error), stack: undefined, fields: {} };
  }
  const fields: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(error)) {
    if (name !== "name" && isPlainData(value)) fields[name] = value;
  }
  return { name: error.name, message: error.message, stack: error.stack, fields };
}

/** What structured cloning takes as it is: primitives, and records of them. */
function isPlainData(value: unknown): boolean {
  if (value === null || typeof value === "function" || typeof value === "symbol") return false;
  if (typeof value !== "object") return true;
  if (Object.getPrototypeOf(value) !== Object.prototype) return false;
  return Object.values(value).every((inner) => typeof inner !== "object" && isPlainData(inner));
}
