/** A configuration file means the same to us, to systemd and to a container, or it is refused. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseEnvFile, printEnvLine } from "../../../src/config/env-file.js";

test("values are read as they stand; comments, blank lines and quotes around a value are not", () => {
  const text = '# comment\n\n  A=1 \nB=two words\r\nC="x # y"\nD=\'it"s\'\nE=\nF=a=b#c\n';
  const { values, problems } = parseEnvFile(text);
  assert.deepEqual(problems, []);
  assert.deepEqual(Object.fromEntries(values), {
    A: "1",
    B: "two words",
    C: "x # y",
    D: 'it"s',
    E: "",
    F: "a=b#c",
  });
});

for (const { line, problem } of [
  { line: "just words", problem: "expected KEY=VALUE" },
  { line: "export A=1", problem: "expected KEY=VALUE" },
  { line: "A = 1", problem: "expected KEY=VALUE" },
  { line: 'A="open', problem: "quotes of A" },
  { line: "A='", problem: "quotes of A" },
  { line: 'A="a"b"', problem: "quotes of A" },
  { line: "A=60000 # one minute", problem: "a line of its own" },
  { line: "FIRST=2", problem: "set twice" },
]) {
  test(`the line ${JSON.stringify(line)} is refused with its number`, () => {
    const { problems } = parseEnvFile(`FIRST=1\n${line}`);
    assert.equal(problems.length, 1);
    assert.ok(problems[0]?.startsWith("line 2: ") && problems[0].includes(problem), problems[0]);
  });
}

test("a printed line reads back as the same value", () => {
  const value = fc.stringMatching(/^[ -~]{0,30}$/).filter((text) => !/["'].*["']/.test(text));
  fc.assert(
    fc.property(value, (text) => {
      const { values, problems } = parseEnvFile(printEnvLine("KVDB_X", text));
      assert.deepEqual(problems, []);
      assert.equal(values.get("KVDB_X"), text);
    }),
  );
});
