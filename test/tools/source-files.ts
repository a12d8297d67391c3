/**
 * The sources as a tidy rule sees them: text, syntax tree and tokens of every file we write.
 * Generated code is left out. TypeScript's own parser reads them, so that a word in a comment or a
 * string is never taken for a name.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

export const root = fileURLToPath(new URL("../../../", import.meta.url));

export interface SourceFile {
  /** From the root of the project, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly tree: ts.SourceFile;
}

export interface Token {
  readonly kind: ts.SyntaxKind;
  readonly text: string;
  readonly line: number;
}

/** All files below the folder whose name ends so, as paths from the root, in order. */
export function filesBelow(folder: string, ending: string): readonly string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(ending))
    .map((file) => `${folder}/${file}`)
    .filter((file) => !file.startsWith("src/wire/"))
    .sort();
}

export function readText(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

export function sourceFiles(folder: string): readonly SourceFile[] {
  return filesBelow(folder, ".ts").map((path) => {
    const text = readText(path);
    return { path, text, tree: ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true) };
  });
}

/** Every token of the file, white space left out. */
export function tokensOf(file: SourceFile): readonly Token[] {
  const tokens: Token[] = [];
  const visit = (node: ts.Node): void => {
    if (node.getChildCount(file.tree) > 0) {
      for (const child of node.getChildren(file.tree)) visit(child);
      return;
    }
    const start = node.getStart(file.tree);
    const line = file.tree.getLineAndCharacterOfPosition(start).line + 1;
    tokens.push({ kind: node.kind, text: node.getText(file.tree), line });
  };
  visit(file.tree);
  return tokens;
}

/** Every node of the file, parents first. */
export function nodesOf(file: SourceFile): readonly ts.Node[] {
  const nodes: ts.Node[] = [];
  const visit = (node: ts.Node): void => {
    nodes.push(node);
    ts.forEachChild(node, visit);
  };
  visit(file.tree);
  return nodes;
}

/** "path:line" of a node, as editors and terminals understand it. */
export function placeOf(file: SourceFile, node: ts.Node): string {
  const { line } = file.tree.getLineAndCharacterOfPosition(node.getStart(file.tree));
  return `${file.path}:${String(line + 1)}`;
}

/** Lines that hold only comment text, and lines that hold code. */
export function countLines(file: SourceFile): { readonly comments: number; readonly code: number } {
  const code = new Set(tokensOf(file).flatMap((token) => linesOf(token)));
  const filled = file.text.split("\n").filter((line) => line.trim() !== "").length;
  return { comments: Math.max(0, filled - code.size), code: code.size };
}

/** A template over several lines is one token of several lines. */
function linesOf(token: Token): readonly number[] {
  if (token.text === "") return [];
  return token.text.split("\n").map((_text, at) => token.line + at);
}
