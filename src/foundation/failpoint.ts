/**
 * Named points where a test makes the process die, an operation fail or time pass. Inert unless
 * armed, and then `hit` costs one look at an empty map.
 *
 * Text form, for the environment and for threads: `after-append=kill;before-sync=error@3`, that is
 * name=action, with `@n` to act on the n-th hit only. Actions: kill (SIGKILL, no handler runs),
 * error, error:CODE (the thrown error carries that code), delay:MILLISECONDS (blocks the thread).
 */

export class FailpointError extends Error {
  override readonly name = "FailpointError";
  readonly code: string;

  constructor(point: string, code: string) {
    super(`failpoint ${point} was armed to fail`);
    this.code = code;
  }
}

type Action =
  | { readonly kind: "kill" }
  | { readonly kind: "error"; readonly code: string }
  | { readonly kind: "delay"; readonly delayMs: number };

interface Point {
  readonly action: Action;
  /** Act on this hit only, counted from 1; undefined = on every hit. */
  readonly onlyHit: number | undefined;
  hits: number;
}

export class Failpoints {
  /** What arms the same points in another thread; counting starts anew there. */
  readonly text: string;
  readonly #points: ReadonlyMap<string, Point>;

  private constructor(text: string, points: ReadonlyMap<string, Point>) {
    this.text = text;
    this.#points = points;
  }

  static none(): Failpoints {
    return Failpoints.parse("");
  }

  /** Throws a SyntaxError that names the part it cannot read. */
  static parse(text: string): Failpoints {
    const points = new Map<string, Point>();
    for (const part of text.split(";")) {
      if (part.trim() === "") continue;
      const match = /^\s*([a-z0-9.-]+)=([^@]+?)(?:@([1-9]\d*))?\s*$/.exec(part);
      const action = parseAction(match?.[2]);
      if (match?.[1] === undefined || action === undefined) {
        throw new SyntaxError(
          `failpoint ${JSON.stringify(part)}: expected name=kill, name=error, name=error:CODE or ` +
            "name=delay:MILLISECONDS, each with an optional @HIT",
        );
      }
      const onlyHit = match[3] === undefined ? undefined : Number(match[3]);
      points.set(match[1], { action, onlyHit, hits: 0 });
    }
    return new Failpoints(text, points);
  }

  /** The armed names, so that a misspelt one can be refused by who knows the real ones. */
  get armed(): readonly string[] {
    return [...this.#points.keys()];
  }

  /** Does what the point is armed for; nothing when it is not. */
  hit(name: string): void {
    if (this.#points.size === 0) return;
    const point = this.#points.get(name);
    if (point === undefined) return;
    point.hits++;
    if (point.onlyHit !== undefined && point.onlyHit !== point.hits) return;
    act(name, point.action);
  }
}

function parseAction(text: string | undefined): Action | undefined {
  if (text === "kill") return { kind: "kill" };
  if (text === "error") return { kind: "error", code: "FAILPOINT" };
  const error = /^error:([A-Z0-9_]+)$/.exec(text ?? "");
  if (error?.[1] !== undefined) return { kind: "error", code: error[1] };
  const delay = /^delay:(\d{1,6})$/.exec(text ?? "");
  if (delay?.[1] !== undefined) return { kind: "delay", delayMs: Number(delay[1]) };
  return undefined;
}

function act(name: string, action: Action): void {
  switch (action.kind) {
    case "kill":
      process.kill(process.pid, "SIGKILL");
      // The signal may take a moment to arrive; nothing after this point may happen meanwhile.
      block(Number.POSITIVE_INFINITY);
      return;
    case "error":
      throw new FailpointError(name, action.code);
    case "delay":
      block(action.delayMs);
  }
}

/** Blocks the thread, as a slow disk would: no other callback runs meanwhile. */
function block(forMs: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, forMs);
}
