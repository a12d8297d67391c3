/**
 * The layer picture of docs/ARCHITECTURE.md, drawn from the imports that really exist. A picture
 * that is drawn by hand is wrong within a month; this one fails the build when it is.
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { root } from "../tools/source-files.js";

interface CruisedModule {
  readonly source: string;
  readonly dependencies: readonly { readonly resolved: string }[];
}

const begin = "<!-- layer picture: begin -->";
const end = "<!-- layer picture: end -->";
const outputBytesMax = 256 * 1024 * 1024;

/** The document with the present picture in it. */
export function withLayerPicture(document: string): string {
  const from = document.indexOf(begin);
  const to = document.indexOf(end);
  if (from < 0 || to < from) throw new Error(`docs/ARCHITECTURE.md has no place marked ${begin}`);
  const picture = ["```mermaid", ...drawLayers(), "```"].join("\n");
  return `${document.slice(0, from)}${begin}\n\n${picture}\n\n${document.slice(to)}`;
}

/** One arrow per pair of folders of which one imports the other, in the order of the names. */
function drawLayers(): readonly string[] {
  const arrows = new Set<string>();
  for (const module of cruise()) {
    const from = folderOf(module.source);
    for (const { resolved } of module.dependencies) {
      const to = folderOf(resolved);
      if (from !== undefined && to !== undefined && from !== to) arrows.add(`  ${from} --> ${to}`);
    }
  }
  return ["flowchart TD", ...[...arrows].sort()];
}

function cruise(): readonly CruisedModule[] {
  const cruiser = join(root, "node_modules/.bin/depcruise");
  const flags = ["src", "--config", ".dependency-cruiser.cjs", "--output-type", "json"];
  const output = execFileSync(cruiser, flags, {
    cwd: root,
    encoding: "utf8",
    maxBuffer: outputBytesMax,
    stdio: ["ignore", "pipe", "ignore"],
  });
  return (JSON.parse(output) as { readonly modules: readonly CruisedModule[] }).modules;
}

/** The folder below src, or the program's own name for the two files that lie in src itself. */
function folderOf(path: string): string | undefined {
  const match = /^src\/([^/]+)/.exec(path);
  return match?.[1]?.replace(/\.ts$/, "");
}
