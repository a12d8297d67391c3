/**
 * Fails when a message or a method changed in a way that breaks a client: against the last release
 * when there is one, and always against proto/baseline.binpb, the contract as it first landed. The
 * image is made anew at a release and never in between (docs/checklists/release.md).
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { root } from "./source-files.js";

const image = "proto/baseline.binpb";
const against = [...(lastRelease() ?? []), image];

if (!existsSync(join(root, image))) fail(`${image} is missing: the contract has no baseline`);
for (const base of against) {
  const buf = spawnSync(join(root, "node_modules/.bin/buf"), ["breaking", "--against", base], {
    cwd: root,
    stdio: "inherit",
  });
  if (buf.status !== 0) fail(`the contract breaks clients of ${base}: add, do not change`);
}

/** In a checkout without history or tags there is only the image. */
function lastRelease(): readonly string[] | undefined {
  const tags = spawnSync("git", ["tag", "--list", "v*", "--sort=-version:refname", "--merged"], {
    cwd: root,
    encoding: "utf8",
  });
  const [newest] = tags.status === 0 ? tags.stdout.split("\n") : [];
  return newest === undefined || newest === "" ? undefined : [`.git#tag=${newest}`];
}

function fail(reason: string): never {
  process.stderr.write(`${reason}\n`);
  process.exit(1);
}
