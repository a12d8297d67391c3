/** What the concept pages and the README tell people to type does what they say it does. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { startDaemon } from "../support/spawn-daemon.js";
import { tempDirectory } from "../support/temp-directory.js";
import { filesBelow, readText, root } from "../tools/source-files.js";
import { blocksOf, examplesOf, isAsExpected } from "./examples-page.js";
import { ExampleShell } from "./examples-shell.js";

/** Pages wait for processes rather than for a core. */
const pagesAtOnce = 3;

/** What of the README is not run here, and why not. */
const elsewhere: readonly (readonly [begins: string, why: string])[] = [
  ["npm ", "installs, builds, or runs all tests"],
  ["npx kvdb demo", "has a test of its own, with rows that need no download"],
  ["npx kvdb load --npm", "needs the npm registry"],
  ["npx kvdb prove", "takes minutes, and has tests of its own: test/cli/prove and test/crash"],
];

describe("the concept pages", { concurrency: pagesAtOnce }, () => {
  for (const path of filesBelow("docs/concepts", ".md")) {
    test(`every example of ${path} prints what the page says`, async (t) => {
      const examples = examplesOf(readText(path));
      assert.ok(examples.length > 0, "a page without an example");
      const shell = ExampleShell.open(t, { address: await startedDaemon(t) });
      for (const { line, command, expected } of examples) {
        const { lines } = await shell.run(command);
        if (isAsExpected(lines, expected)) continue;
        assert.equal(lines.join("\n"), expected.join("\n"), `${path}:${line} $ ${command}`);
      }
    });
  }
});

test("no concept page has a block that nobody runs", () => {
  const others = filesBelow("docs/concepts", ".md").flatMap((path) => {
    const blocks = blocksOf(readText(path)).filter(({ language }) => language !== "console");
    return blocks.map(({ line }) => `${path}:${line}`);
  });
  assert.deepEqual(others, []);
});

test("every command of the README that can be run here succeeds", async (t) => {
  const address = await startedDaemon(t);
  const shell = ExampleShell.open(t, { address, directory: root });
  const commands = readmeCommands(readText("README.md"));
  const run = commands.filter(({ command }) => {
    return !elsewhere.some(([begins]) => command.startsWith(begins));
  });
  assert.ok(run.length >= 10, `only ${run.length} commands were found`);
  const literal: string[] = [];
  for (const { command, comment } of run) {
    const { lines, code } = await shell.run(command.replaceAll("127.0.0.1:50051", address));
    assert.equal(code, 0, `$ ${command}\n${lines.join("\n")}`);
    if (comment !== "" && lines.join("\n") === comment) literal.push(comment);
  }
  assert.deepEqual(literal, ["written, revision 1", "hello"], "comments that are the output");
});

test("the wildcard stands for any lines, or for anything in a line, and nothing else does", () => {
  const cases: readonly (readonly [output: string[], expected: string[], same: boolean])[] = [
    [[], [], true],
    [["a"], [], false],
    [[], ["a"], false],
    [["a", "b"], ["…"], true],
    [[], ["…"], true],
    [["a", "b", "c"], ["a", "…", "c"], true],
    [["a", "c"], ["a", "…", "c"], true],
    [["a", "b"], ["a", "…", "c"], false],
    [["took 12 ms"], ["took … ms"], true],
    [["took 12 s"], ["took … ms"], false],
    [["a.c"], ["a.c"], true],
    [["abc"], ["a.c"], false],
  ];
  for (const [output, expected, same] of cases) {
    assert.equal(isAsExpected(output, expected), same, JSON.stringify([output, expected]));
  }
});

async function startedDaemon(t: TestContext): Promise<string> {
  const daemon = startDaemon(t, { file: join(tempDirectory(t), "kv.db") });
  return (await daemon.ready()).grpc[0] ?? "";
}

/** Lines of its shell blocks, and what its tables and sentences say to run, each once. */
function readmeCommands(
  page: string,
): readonly { readonly command: string; readonly comment: string }[] {
  const blocks = blocksOf(page).filter(({ language }) => language === "sh");
  const typed = blocks
    .flatMap(({ lines }) => lines.join("\n").replaceAll("\\\n", "").split("\n"))
    .map((line) => {
      const [command = "", comment = ""] = line.split(/\s+# /);
      return { command: command.trim(), comment };
    });
  const prose = page.replace(/```[\s\S]*?```/g, "");
  const mentioned = [...prose.matchAll(/`((?:npx|npm|node) [^`]+)`/g)].map(([, command]) => {
    return { command: command ?? "", comment: "" };
  });
  const all = [...typed, ...mentioned].filter(({ command }) => command !== "");
  const first = new Map(all.toReversed().map((each) => [each.command, each]));
  return all.filter((each) => first.get(each.command) === each);
}
