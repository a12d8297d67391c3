/** Failpoints do nothing until they are armed, and then exactly what they were armed for. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { Failpoints } from "../../../src/foundation/failpoint.js";

test("a point that is not armed does nothing", () => {
  Failpoints.none().hit("after-append");
  Failpoints.parse("before-sync=error").hit("after-append");
});

test("an armed point fails at every hit, with the code it was given", () => {
  const points = Failpoints.parse("a=error; b=error:SQLITE_FULL");
  for (let hit = 1; hit <= 2; hit++) {
    assert.throws(
      () => {
        points.hit("a");
      },
      { name: "FailpointError", code: "FAILPOINT", message: "failpoint a was armed to fail" },
    );
  }
  assert.throws(
    () => {
      points.hit("b");
    },
    { code: "SQLITE_FULL" },
  );
  assert.deepEqual(points.armed, ["a", "b"]);
});

test("a point with a hit number acts at that hit only", () => {
  const points = Failpoints.parse("a=error@3");
  points.hit("a");
  points.hit("a");
  assert.throws(
    () => {
      points.hit("a");
    },
    { name: "FailpointError" },
  );
  points.hit("a");
});

test("the text of a set arms the same set elsewhere, counting anew", () => {
  const points = Failpoints.parse("a=error@1");
  const elsewhere = Failpoints.parse(points.text);
  for (const set of [points, elsewhere]) {
    assert.throws(
      () => {
        set.hit("a");
      },
      { name: "FailpointError" },
    );
  }
});

test("a delay blocks the thread for its time", () => {
  const begin = performance.now();
  Failpoints.parse("slow=delay:20").hit("slow");
  assert.ok(performance.now() - begin >= 19);
});

test("kill ends the process at that line, and no handler runs", () => {
  const module = new URL("../../../src/foundation/failpoint.js", import.meta.url).href;
  const program = `
    import { Failpoints } from ${JSON.stringify(module)};
    process.on("exit", () => console.log("handler"));
    console.log("before");
    Failpoints.parse("here=kill").hit("here");
    console.log("after");`;
  const ended = spawnSync(process.execPath, ["--input-type=module", "-e", program]);
  assert.equal(ended.signal, "SIGKILL");
  assert.equal(ended.stdout.toString(), "before\n");
});

for (const text of [
  "a",
  "a=",
  "=kill",
  "a=explode",
  "a=kill@0",
  "a=delay",
  "a=delay:x",
  "A b=kill",
]) {
  test(`the text ${JSON.stringify(text)} is refused and repeated in the message`, () => {
    assert.throws(
      () => Failpoints.parse(`ok=error;${text}`),
      (error) => error instanceof SyntaxError && error.message.includes(JSON.stringify(text)),
    );
  });
}
