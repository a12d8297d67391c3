/**
 * The rules of docs/STYLE.md that no linter has. Each test collects every place that breaks its rule
 * and compares with the empty list, so that a failure names all of them at once.
 */
import assert from "node:assert/strict";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";
import ts from "typescript";
import {
  countLines,
  nodesOf,
  placeOf,
  type SourceFile,
  sourceFiles,
  tokensOf,
} from "./tools/source-files.js";

const source = sourceFiles("src");
const tests = sourceFiles("test");
const everything = [...source, ...tests];

/** Words that say nothing of what a thing is, and words that say nothing of what a file holds. */
const emptyWords = ["mgr", "util", "utils", "tmp", "data2", "manager", "misc"];
const emptyFileWords = [...emptyWords, "common", "shared", "helper", "helpers"];

/** Folders that may import storage/limits.ts, and therefore have no size of their own. */
const foldersWithLimits = ["engine", "rpc", "auth", "daemon", "cli", "doctor", "importers"];
const sizeLiterals = ["1024", "1_048_576", "1048576"];
/** Where 1024 is no bound: SQLite's unit, and the first guess of a buffer that grows. */
const filesWithUnits = ["src/engine/sqlite/pragmas.ts", "src/engine/record/entry-codec.ts"];

/** Counts that may only fall. Lower the number in the commit that lowers the count. */
const ratchets = {
  suppressedRules: 0,
  filesOver400Lines: 0,
  undocumentedStorageExports: 9,
};

function placesWhere(
  files: readonly SourceFile[],
  breaks: (node: ts.Node, file: SourceFile) => boolean,
): readonly string[] {
  return files.flatMap((file) => {
    return nodesOf(file)
      .filter((node) => breaks(node, file))
      .map((node) => `${placeOf(file, node)} ${node.getText(file.tree).slice(0, 60)}`);
  });
}

test("every source and test file says on top what it owns", () => {
  const headless = everything.filter(({ text }) => !/^(#!.*\n)?\/\*\*/.test(text));
  assert.deepEqual(
    headless.map(({ path }) => path),
    [],
  );
});

test("no name contains a word that says nothing", () => {
  const inPaths = everything.filter(({ path }) => {
    return wordsOf(path).some((word) => emptyFileWords.includes(word));
  });
  const inCode = everything.flatMap((file) => {
    return tokensOf(file)
      .filter(({ kind, text }) => isName(kind) && wordsOf(text).some(isEmptyWord))
      .map(({ text, line }) => `${file.path}:${String(line)} ${text}`);
  });
  assert.deepEqual([...inPaths.map(({ path }) => path), ...inCode], []);
});

test("sizes stand in storage/limits.ts and nowhere else", () => {
  const files = source.filter(({ path }) => {
    return foldersWithLimits.includes(path.split("/")[1] ?? "") && !filesWithUnits.includes(path);
  });
  const found = placesWhere(files, (node) => {
    return ts.isNumericLiteral(node) && sizeLiterals.includes(node.getText());
  });
  assert.deepEqual(found, []);
});

test("a log event never carries a key, a value or a secret by name", () => {
  const forbidden = ["key", "keys", "value", "values", "prefix", "token", "secret", "password"];
  const found = placesWhere(source, (node) => {
    if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return false;
    if (node.expression.name.text !== "event") return false;
    const fields = node.arguments[1];
    if (fields === undefined || !ts.isObjectLiteralExpression(fields)) return false;
    return fields.properties.some((field) => forbidden.includes(field.name?.getText() ?? ""));
  });
  assert.deepEqual(found, []);
});

test("classes inherit from nothing but Error", () => {
  const found = placesWhere(source, (node) => {
    if (!ts.isHeritageClause(node) || node.token !== ts.SyntaxKind.ExtendsKeyword) return false;
    if (!ts.isClassLike(node.parent)) return false;
    return node.types.some(({ expression }) => expression.getText() !== "Error");
  });
  assert.deepEqual(found, []);
});

test("fields are hidden by #, not by a keyword that disappears", () => {
  const found = placesWhere(source, (node) => {
    if (!ts.isPropertyDeclaration(node) && !ts.isMethodDeclaration(node)) return false;
    return (node.modifiers ?? []).some(({ kind }) => {
      return kind === ts.SyntaxKind.PrivateKeyword || kind === ts.SyntaxKind.ProtectedKeyword;
    });
  });
  assert.deepEqual(found, []);
});

test("modules hold no state", () => {
  // A thread's or a process's own file is its main function: there the module is the owner.
  const files = source.filter(({ path }) => !/-(thread|process)\.ts$/.test(path));
  const found = placesWhere(files, (node) => {
    if (!ts.isVariableStatement(node) || !ts.isSourceFile(node.parent)) return false;
    return (node.declarationList.flags & ts.NodeFlags.Const) === 0;
  });
  assert.deepEqual(found, []);
});

test("exports have names", () => {
  const found = placesWhere(source, (node) => {
    if (ts.isExportAssignment(node)) return true;
    return node.kind === ts.SyntaxKind.DefaultKeyword && !ts.isDefaultClause(node.parent);
  });
  assert.deepEqual(found, []);
});

test("nothing of ours is mocked", () => {
  const found = placesWhere(tests, (node) => {
    return ts.isIdentifier(node) && ["mock", "jest", "sinon"].includes(node.text);
  });
  assert.deepEqual(found, []);
});

test("no test is skipped, left to do, or run alone", () => {
  const words = ["skip", "only", "todo"];
  const found = placesWhere(tests, (node) => {
    if (ts.isPropertyAssignment(node)) return words.includes(node.name.getText());
    if (!ts.isPropertyAccessExpression(node) || !ts.isCallExpression(node.parent)) return false;
    return words.includes(node.name.text) && ts.isIdentifier(node.expression);
  });
  assert.deepEqual(found, []);
});

test("every test file asserts something, itself or in the cases it runs", () => {
  const asserts = ({ text }: SourceFile): boolean => /\bassert\b/.test(text);
  const silent = tests.filter((file) => {
    return file.path.endsWith(".test.ts") && !asserts(file) && !importedBy(file).some(asserts);
  });
  assert.deepEqual(
    silent.map(({ path }) => path),
    [],
  );
});

test("a test's name is a sentence, not an identifier", () => {
  const found = placesWhere(tests, (node) => {
    if (!ts.isCallExpression(node) || !ts.isIdentifier(node.expression)) return false;
    const [name] = node.arguments;
    if (!["test", "it"].includes(node.expression.text) || name === undefined) return false;
    return ts.isStringLiteral(name) && name.text.trim().split(/\s+/).length < 3;
  });
  assert.deepEqual(found, []);
});

test("nothing is left to do in a comment", () => {
  const marker = new RegExp(`\\b(${["TO", "DO"].join("")}|${["FIX", "ME"].join("")}|X{3})\\b`);
  const found = everything.filter(({ text }) => marker.test(text)).map(({ path }) => path);
  assert.deepEqual(found, []);
});

test("counts that may only fall have not grown", (t) => {
  const disable = ["eslint", "disable"].join("-");
  const ignore = ["biome", "ignore"].join("-");
  const marks = everything.map(
    ({ text }) => text.split(disable).length + text.split(ignore).length,
  );
  const longFiles = everything.filter(({ text }) => text.split("\n").length > 401);
  const counts = {
    suppressedRules: marks.reduce((sum, mark) => sum + mark - 2, 0),
    filesOver400Lines: longFiles.length,
    undocumentedStorageExports: undocumentedExports().length,
  };
  const places = [...longFiles.map(({ path }) => path), ...undocumentedExports()].join("\n");
  for (const [name, bound] of Object.entries(ratchets)) {
    const count = counts[name as keyof typeof ratchets];
    assert.ok(count <= bound, `${name} grew from ${String(bound)} to ${String(count)}:\n${places}`);
    if (count < bound) t.diagnostic(`${name} fell to ${String(count)}: store that number`);
  }
});

test("what is printed here: sizes and comments, for people", (t) => {
  const lengths = source.map(({ text }) => text.split("\n").length - 1).sort((a, b) => a - b);
  assert.ok(lengths.length > 0);
  const total = (files: readonly SourceFile[]): number => {
    return files.reduce((sum, file) => sum + countLines(file).code, 0);
  };
  t.diagnostic(`files ${String(lengths.length)}, median ${String(lengths[lengths.length >> 1])}`);
  t.diagnostic(`test lines to source lines: ${(total(tests) / total(source)).toFixed(2)}`);
  for (const folder of new Set(source.map(({ path }) => path.split("/")[1] ?? ""))) {
    const files = source.filter(({ path }) => path.startsWith(`src/${folder}/`)).map(countLines);
    const comments = files.reduce((sum, file) => sum + file.comments, 0);
    const code = files.reduce((sum, file) => sum + file.code, 0);
    if (code > 0) t.diagnostic(`comments to code in ${folder}: ${(comments / code).toFixed(2)}`);
  }
});

/** The files of our own tests that a test imports. */
function importedBy(file: SourceFile): readonly SourceFile[] {
  const names = [...file.text.matchAll(/from "(\.[^"]+)\.js"/g)].map(([, name]) => name ?? "");
  const paths = names.map((name) => `${normalize(join(dirname(file.path), name))}.ts`);
  return tests.filter(({ path }) => paths.includes(path));
}

function wordsOf(name: string): readonly string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^a-z0-9]+/);
}

function isEmptyWord(word: string): boolean {
  return emptyWords.includes(word);
}

function isName(kind: ts.SyntaxKind): boolean {
  return kind === ts.SyntaxKind.Identifier || kind === ts.SyntaxKind.PrivateIdentifier;
}

/** Functions, classes and interfaces with methods in src/storage without a doc comment. */
function undocumentedExports(): readonly string[] {
  const promises = source.filter(({ path }) => path.startsWith("src/storage/"));
  return placesWhere(promises, (node) => {
    const isContract =
      ts.isFunctionDeclaration(node) ||
      ts.isClassDeclaration(node) ||
      (ts.isInterfaceDeclaration(node) && node.members.some(ts.isMethodSignature));
    if (!isContract || !ts.isSourceFile(node.parent)) return false;
    return ts.getJSDocCommentsAndTags(node).length === 0;
  });
}
