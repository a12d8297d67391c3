/**
 * The examples of a page. In a block of language `console` a line that begins with "$ " is a command,
 * lines that begin with "> " go on with it, and what follows is what it prints, stdout and stderr as
 * on a terminal. A line "…" stands for any number of lines, "…" within a line for anything.
 */

export interface Example {
  /** In the page, from 1. */
  readonly line: number;
  readonly command: string;
  readonly expected: readonly string[];
}

interface Block {
  readonly language: string;
  /** Of its first line. */
  readonly line: number;
  readonly lines: readonly string[];
}

/** Every fenced block, in order. */
export function blocksOf(page: string): readonly Block[] {
  const blocks: Block[] = [];
  let open: { language: string; line: number; lines: string[] } | undefined;
  for (const [at, text] of page.split("\n").entries()) {
    const fence = /^```(\w*)/.exec(text);
    if (fence === null) open?.lines.push(text);
    else if (open === undefined) open = { language: fence[1] ?? "", line: at + 2, lines: [] };
    else {
      blocks.push(open);
      open = undefined;
    }
  }
  if (open !== undefined) throw new Error(`the block of line ${open.line} has no end`);
  return blocks;
}

export function examplesOf(page: string): readonly Example[] {
  return blocksOf(page)
    .filter(({ language }) => language === "console")
    .flatMap(examplesIn);
}

function examplesIn({ line, lines }: Block): readonly Example[] {
  const examples: { line: number; command: string; expected: string[] }[] = [];
  for (const [at, text] of lines.entries()) {
    const last = examples.at(-1);
    if (text.startsWith("$ ")) {
      examples.push({ line: line + at, command: text.slice(2), expected: [] });
    } else if (last === undefined) {
      throw new Error(`line ${line + at} is before any command`);
    } else if (text.startsWith("> ") && last.expected.length === 0) {
      last.command += `\n${text.slice(2)}`;
    } else {
      last.expected.push(text);
    }
  }
  return examples.map((example) => ({ ...example, expected: withoutEnd(example.expected) }));
}

/** Blank lines between two examples belong to neither. */
function withoutEnd(lines: readonly string[]): readonly string[] {
  const last = lines.findLastIndex((text) => text.trim() !== "");
  return lines.slice(0, last + 1);
}

/** Whether the output is what the page says. */
export function isAsExpected(output: readonly string[], expected: readonly string[]): boolean {
  const [first, ...rest] = expected;
  if (first === undefined) return output.length === 0;
  if (first === "…") {
    return output.some((_line, at) => isAsExpected(output.slice(at), rest)) || rest.length === 0;
  }
  const [line, ...others] = output;
  return line !== undefined && isLine(line, first) && isAsExpected(others, rest);
}

function isLine(line: string, expected: string): boolean {
  const parts = expected.trimEnd().split("…");
  const pattern = parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join(".*");
  return new RegExp(`^${pattern}$`).test(line.trimEnd());
}
