/**
 * State is a word, and the allowed moves are one table. An illegal move is a bug and asserts. Who
 * waits for a state is answered in every case: reached, or told that it can no longer be reached.
 */
import { assert } from "./assert.js";
import type { Cancel } from "./clock.js";

/** From each state, the states it may move to. None = a final state. */
export type Moves<State extends string> = Readonly<Record<State, readonly State[]>>;

class StateUnreachableError extends Error {
  override readonly name = "StateUnreachableError";
}

interface Waiter<State> {
  readonly wanted: readonly State[];
  readonly resolve: (state: State) => void;
  readonly reject: (error: Error) => void;
}

export class StateMachine<State extends string> {
  readonly #name: string;
  readonly #moves: Moves<State>;
  readonly #waiters = new Set<Waiter<State>>();
  readonly #listeners = new Set<(state: State, previous: State) => void>();
  #state: State;

  /** The name stands in messages only. */
  constructor(name: string, initial: State, moves: Moves<State>) {
    this.#name = name;
    this.#state = initial;
    this.#moves = moves;
  }

  get state(): State {
    return this.#state;
  }

  is(...states: readonly State[]): boolean {
    return states.includes(this.#state);
  }

  canMoveTo(next: State): boolean {
    return this.#moves[this.#state].includes(next);
  }

  /** Moves, then tells listeners, then answers waiters. A move the table does not have asserts. */
  moveTo(next: State): void {
    const previous = this.#state;
    assert(this.canMoveTo(next), `${this.#name} may not move from ${previous} to ${next}`);
    this.#state = next;
    for (const listener of [...this.#listeners]) listener(next, previous);
    for (const waiter of [...this.#waiters]) this.#answer(waiter);
  }

  /** Called after every move. A listener that throws breaks the mover: it must not. */
  onMove(listener: (state: State, previous: State) => void): Cancel {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /**
   * Resolves with the first of the wanted states that is (or becomes) current. Rejects with
   * StateUnreachableError as soon as the table allows no way to any of them.
   */
  reached(...wanted: readonly State[]): Promise<State> {
    return new Promise((resolve, reject) => {
      const waiter = { wanted, resolve, reject };
      this.#waiters.add(waiter);
      this.#answer(waiter);
    });
  }

  #answer(waiter: Waiter<State>): void {
    if (waiter.wanted.includes(this.#state)) {
      this.#waiters.delete(waiter);
      waiter.resolve(this.#state);
    } else if (!this.#canStillReach(waiter.wanted)) {
      this.#waiters.delete(waiter);
      const wanted = waiter.wanted.join(" or ");
      waiter.reject(
        new StateUnreachableError(`${this.#name} is ${this.#state} and can no longer be ${wanted}`),
      );
    }
  }

  #canStillReach(wanted: readonly State[]): boolean {
    const seen = new Set<State>([this.#state]);
    for (const state of seen) {
      if (wanted.includes(state)) return true;
      for (const next of this.#moves[state]) seen.add(next);
    }
    return false;
  }
}
