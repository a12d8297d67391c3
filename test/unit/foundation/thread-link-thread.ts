/** The thread that thread-link.test.ts starts: it does on request all a thread can do to a link. */
import { workerData } from "node:worker_threads";
import { AssertionError, unreachable } from "../../../src/foundation/assert.js";
import { ownHostPort, ThreadHost, Transferring } from "../../../src/foundation/thread-host.js";

export type ToTestThread =
  | { readonly kind: "echo"; readonly text: string }
  | { readonly kind: "sum"; readonly bytes: Uint8Array }
  | { readonly kind: "later"; readonly delayMs: number; readonly fail: boolean }
  | { readonly kind: "make"; readonly bytes: number }
  | { readonly kind: "refuse" }
  | { readonly kind: "bug" }
  | { readonly kind: "late-bug" }
  | { readonly kind: "announce"; readonly times: number }
  | { readonly kind: "not-cloneable" }
  | { readonly kind: "exit"; readonly code: number }
  | { readonly kind: "stop" };

export interface TestReplies {
  readonly echo: { readonly text: string; readonly greeting: string };
  readonly sum: number;
  readonly later: "late";
  readonly make: Uint8Array;
  readonly refuse: never;
  readonly bug: never;
  readonly "late-bug": never;
  readonly announce: "announced";
  readonly "not-cloneable": never;
  readonly exit: never;
  readonly stop: "stopping";
}

export interface TestEvent {
  readonly number: number;
}

class Refusal extends Error {
  override readonly name = "Refusal";
  readonly kind = "disk-full";
  readonly metadata = { limit: "4" };
  readonly notPlain = new Map();
}

const host = ThreadHost.serve<ToTestThread, TestReplies, TestEvent>(ownHostPort(), (message) => {
  switch (message.kind) {
    case "echo":
      return { text: message.text, greeting: (workerData as { greeting: string }).greeting };
    case "sum":
      return message.bytes.reduce((sum, byte) => sum + byte, 0);
    case "later":
      return new Promise((resolve, reject) => {
        setTimeout(() => {
          if (message.fail) reject(new Refusal("too late"));
          else resolve("late");
        }, message.delayMs);
      });
    case "make": {
      const bytes = new Uint8Array(message.bytes).fill(1);
      return new Transferring(bytes, [bytes.buffer]);
    }
    case "refuse":
      throw new Refusal("no room", { cause: new Error("hidden") });
    case "bug":
      throw new AssertionError("this cannot be");
    case "late-bug":
      return Promise.reject(new AssertionError("this cannot be later"));
    case "announce":
      for (let number = 1; number <= message.times; number++) host.push({ number });
      return "announced";
    case "not-cloneable":
      return (() => undefined) as never;
    case "exit":
      return process.exit(message.code);
    case "stop":
      host.close();
      return "stopping";
    default:
      return unreachable(message);
  }
});
