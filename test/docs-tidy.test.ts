/** The documents' own rules: links lead somewhere, records have their parts, the changelog its form. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";
import { filesBelow, readText, root } from "./tools/source-files.js";

const documents = [
  ...readdirSync(root).filter((name) => name.endsWith(".md")),
  ...filesBelow("docs", ".md"),
  ...filesBelow("deploy", ".md"),
  ...filesBelow("src", ".md"),
];

test("every link between documents and files leads somewhere", () => {
  const broken = documents.flatMap((path) => {
    return linksOf(readText(path))
      .filter((link) => !leadsSomewhere(path, link))
      .map((link) => {
        return `${path}: ${link}`;
      });
  });
  assert.deepEqual(broken, []);
});

test("every decision record has its five parts, in order, and a number of its own", () => {
  const records = filesBelow("docs/decisions", ".md");
  const parts = ["Context", "Decision", "What it costs", "What we rejected", "Revisit when"];
  for (const path of records) {
    const headings = [...readText(path).matchAll(/^## (.+)$/gm)].map(([, heading]) => heading);
    assert.deepEqual(headings, parts, path);
  }
  const numbers = records.map((path) => /(\d{4})-/.exec(path)?.[1]);
  assert.equal(new Set(numbers).size, numbers.length, "two records share a number");
});

test("the changelog keeps the form that its head describes", () => {
  const text = readText("CHANGELOG.md").replace(/<!--[\s\S]*?-->/g, "");
  const kinds = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"];
  const wrong = text.split("\n").filter((line) => {
    if (line === "" || line === "# Changelog") return false;
    if (/^## \[(Unreleased|\d+\.\d+\.\d+)\]( - \d{4}-\d{2}-\d{2})?$/.test(line)) return false;
    if (line.startsWith("### ")) return !kinds.includes(line.slice(4));
    return !/^- \S.*[.)]$/.test(line);
  });
  assert.deepEqual(wrong, []);
  assert.match(text, /^## \[Unreleased\]$/m);
});

test("every document has exactly one title", () => {
  const odd = documents.filter((path) => {
    const text = readText(path).replace(/```[\s\S]*?```/g, "");
    return (text.match(/^# \S/gm) ?? []).length !== 1;
  });
  assert.deepEqual(odd, []);
});

function linksOf(text: string): readonly string[] {
  const prose = text.replace(/```[\s\S]*?```/g, "").replace(/`[^`\n]*`/g, "");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link ?? "");
}

function leadsSomewhere(from: string, link: string): boolean {
  // Addresses outside are not asked: a test must not depend on somebody else's server.
  if (/^[a-z]+:/.test(link)) return true;
  const [file, anchor] = link.split("#");
  const target = file === "" || file === undefined ? from : normalize(join(dirname(from), file));
  if (!existsSync(join(root, target))) return false;
  if (anchor === undefined || !target.endsWith(".md")) return true;
  return statSync(join(root, target)).isFile() && anchorsOf(readText(target)).includes(anchor);
}

/** The way code hosts make an anchor of a heading. */
function anchorsOf(text: string): readonly string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => {
    return (heading ?? "")
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replace(/ /g, "-");
  });
}
