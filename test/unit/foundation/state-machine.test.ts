/** Moves are those of the table, and nobody waits for what cannot come. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Moves, StateMachine } from "../../../src/foundation/state-machine.js";

type State = "opening" | "serving" | "draining" | "latched" | "closed";
const moves = {
  opening: ["serving", "latched", "closed"],
  serving: ["draining", "latched"],
  draining: ["serving", "closed"],
  latched: [],
  closed: [],
} as const satisfies Moves<State>;

function machine(): StateMachine<State> {
  return new StateMachine<State>("engine", "opening", moves);
}

test("a move of the table changes the state and tells who listens", () => {
  const engine = machine();
  const seen: string[] = [];
  const cancel = engine.onMove((state, previous) => seen.push(`${previous} > ${state}`));
  engine.moveTo("serving");
  cancel();
  engine.moveTo("draining");
  assert.deepEqual(seen, ["opening > serving"]);
  assert.equal(engine.state, "draining");
  assert.equal(engine.is("serving", "draining"), true);
  assert.equal(engine.is("closed"), false);
});

test("a move the table does not have is a bug, and changes nothing", () => {
  const engine = machine();
  for (const next of ["draining", "opening"] as const) {
    assert.equal(engine.canMoveTo(next), false);
    assert.throws(
      () => {
        engine.moveTo(next);
      },
      { name: "AssertionError", message: `engine may not move from opening to ${next}` },
    );
  }
  assert.equal(engine.state, "opening");
});

test("who waits for the current state is answered at once", async () => {
  assert.equal(await machine().reached("opening", "closed"), "opening");
});

test("who waits is answered by the first of the wanted states, even when it passes quickly", async () => {
  const engine = machine();
  const reached = engine.reached("serving", "closed");
  engine.moveTo("serving");
  engine.moveTo("draining");
  engine.moveTo("closed");
  assert.equal(await reached, "serving");
});

test("who waits for a state that can no longer come is told so as soon as that is certain", async () => {
  const engine = machine();
  const closed = engine.reached("closed");
  const refused = assert.rejects(closed, {
    name: "StateUnreachableError",
    message: "engine is latched and can no longer be closed",
  });
  engine.moveTo("latched");
  await refused;
  await assert.rejects(engine.reached("serving"), { name: "StateUnreachableError" });
});

test("a state that can be reached by a detour is still waited for", async () => {
  const engine = machine();
  engine.moveTo("serving");
  engine.moveTo("draining");
  const latched = engine.reached("latched");
  engine.moveTo("serving");
  engine.moveTo("latched");
  assert.equal(await latched, "latched");
});
