/** A command line is understood as a whole, or refused with what is wrong and what to do. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseLine } from "../../../src/cli/arguments.js";
import { CliError } from "../../../src/cli/cli-error.js";
import { globalFlags } from "../../../src/cli/command.js";
import { commands } from "../../../src/cli/command-table.js";

function parse(line: string): ReturnType<typeof parseLine> {
  return parseLine(line.split(" "), commands);
}

const refused: readonly { readonly line: string; readonly says: RegExp }[] = [
  { line: "gte k", says: /there is no command gte.*did you mean get/ },
  { line: "get", says: /get needs KEY/ },
  { line: "get a b", says: /no further argument: b/ },
  { line: "get a --adress x", says: /no flag --adress; did you mean --address/ },
  { line: "get a --revision -1", says: /revision/ },
  { line: "get a --revision=x", says: /--revision cannot be "x".*whole number/ },
  { line: "get a --revision=18446744073709551616", says: /--revision cannot be/ },
  { line: "get a --key-encoding latin1", says: /--key-encoding.*utf8, hex, base64/ },
  { line: "get a --timeout soon", says: /--timeout.*such as 500ms/ },
  { line: "get a --json=yes", says: /json/ },
  { line: "list --limit 99999999999", says: /--limit.*whole number/ },
  { line: "incr a --by 9223372036854775808", says: /--by.*64 bits/ },
  { line: "--json", says: /no command was given/ },
];

for (const { line, says } of refused) {
  test(`\`kvdb ${line}\` is refused with a hint`, () => {
    assert.throws(
      () => parse(line),
      (error) => {
        assert.ok(error instanceof CliError);
        assert.equal(error.exit, "usage");
        assert.match(`${error.message} ${error.hint}`, says);
        assert.notEqual(error.hint, "");
        return true;
      },
    );
  });
}

test("flags may stand before and after the command and its arguments", () => {
  for (const line of [
    "--json --namespace shop get k",
    "get --json k -n shop",
    "-n shop --json get k",
    "get k --namespace=shop --json",
  ]) {
    const { command, args, flags } = parse(line);
    assert.deepEqual([command.name, args], ["get", ["k"]], line);
    assert.deepEqual([flags.text("namespace"), flags.switched("json")], ["shop", true], line);
  }
});

test("what follows two dashes is an argument, whatever it looks like", () => {
  const { args } = parse("put -- --key -1");
  assert.deepEqual(args, ["--key", "-1"]);
});

test("values are read by the kind of their flag", () => {
  const { flags } = parse("put k v --if-revision 18446744073709551615 --ttl 1m30s");
  assert.equal(flags.revision("if-revision"), 2n ** 64n - 1n);
  assert.equal(flags.durationMs("ttl"), 90_000);
  const incr = parse("incr k --by=-9223372036854775808").flags;
  assert.equal(incr.integer("by"), -(2n ** 63n));
  assert.equal(incr.integer("initial"), undefined);
});

test("a value that begins with a dash is refused with the way to write it", () => {
  assert.throws(() => parse("incr k --by -5"), /--by has no value.*--by=-5/);
  assert.throws(() => parse("get k -n -x"), /-n has no value.*--by=-5/);
});

test("flags that exclude each other are refused together", () => {
  const { flags } = parse("put k v --if-absent --if-version 1");
  assert.throws(() => flags.onlyOne(["if-absent", "if-version"]), /--if-absent and --if-version/);
});

test("help is shown even when arguments are missing", () => {
  assert.equal(parse("get --help").flags.switched("help"), true);
});

test("every command says what it does, has its own name, and shadows no global flag", () => {
  const names = commands.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  for (const { name, summary, flags, positionals, examples } of commands) {
    assert.match(summary, /^[A-Z].*\.$/, name);
    assert.ok(examples.length > 0 && examples.every((text) => text.includes("kvdb")), name);
    for (const flag of Object.keys(flags)) assert.ok(!(flag in globalFlags), `${name} --${flag}`);
    const shorts = Object.values({ ...flags, ...globalFlags }).flatMap((row) => {
      return "short" in row ? [row.short] : [];
    });
    assert.equal(new Set(shorts).size, shorts.length, name);
    const optionalAt = positionals.findIndex(({ optional }) => optional === true);
    const tail = optionalAt === -1 ? [] : positionals.slice(optionalAt);
    assert.ok(
      tail.every(({ optional }) => optional === true),
      name,
    );
  }
});

test("every example of the help is a command line that is understood", () => {
  for (const { examples } of commands) {
    for (const example of examples) {
      const [, line = ""] = /kvdb ([^|>]*)/.exec(example) ?? [];
      // As a shell splits it, as far as the examples need: quotes group words.
      const words = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(
        ([, quoted, bare]) => quoted ?? bare ?? "",
      );
      assert.doesNotThrow(() => parseLine(words, commands), example);
    }
  }
});
