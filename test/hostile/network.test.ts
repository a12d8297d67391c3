/**
 * Networks that fail: peers that vanish, cables that are pulled, answers that are lost, readers that
 * stop. The daemon serves everybody else meanwhile, gives back what the lost peer held, and loses
 * nothing that was acknowledged; what a caller does not know, a retry under its request id tells.
 * Most of the time they wait, so they wait together.
 */
import { describe, type TestContext, test } from "node:test";
import {
  lossyLine,
  lostAnswers,
  resetConnections,
  stoppedReader,
  unreadStreams,
  vanishedPeer,
} from "./network-cases.js";

const cases: readonly (readonly [name: string, run: (t: TestContext) => Promise<void>])[] = [
  ["a peer that vanishes without a word is given up, and what it held is given back", vanishedPeer],
  [
    "answers that are lost, a pulled cable: no write is lost, and a retry has one effect",
    lostAnswers,
  ],
  [
    "a reader that stops costs a bounded amount of memory, is cut, and goes on where it was",
    stoppedReader,
  ],
  [
    "connections reset in the middle of streams give everything back, and what was acknowledged stays",
    resetConnections,
  ],
  [
    "streams that nobody reads hold nobody else up, on the same connection or another",
    unreadStreams,
  ],
  ["over a slow line that loses every twentieth packet each write counts once", lossyLine],
];

describe("a network that fails", { concurrency: true }, () => {
  for (const [name, run] of cases) test(name, run);
});
