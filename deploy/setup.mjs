/**
 * Brings a checkout to the point where it can run: installs exactly what the lock file names, and
 * compiles. Both are skipped when nothing changed, so starting twice costs nothing. Plain JavaScript
 * with Node's own modules only, because it runs before anything is installed.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const nativeModule = join(root, "node_modules/better-sqlite3/build/Release/better_sqlite3.node");
const buildStamp = join(root, "dist/.built");
const toolchain = [
  { command: "python3", debian: "python3" },
  { command: "make", debian: "make" },
  { command: "g++", debian: "g++" },
];

/** Installs and compiles what is missing. Stops the process with a sentence when it cannot. */
export function setUp() {
  refuseOldNode();
  if (!isInstalled()) install();
  if (!isBuilt()) build();
}

function refuseOldNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  stop(`kvdb needs Node 20.19 or newer; this is ${process.versions.node}.`);
}

/** True when node_modules holds every package of the lock file in the locked version. */
function isInstalled() {
  const installedLock = join(root, "node_modules/.package-lock.json");
  if (!existsSync(installedLock) || !existsSync(nativeModule)) return false;
  const wanted = packagesOf(join(root, "package-lock.json"));
  const present = packagesOf(installedLock);
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === "") return true;
    // A package for another platform is locked, but rightly absent.
    if (present[path] === undefined) return entry.optional === true;
    return present[path].version === entry.version;
  });
}

function packagesOf(lockFile) {
  return JSON.parse(readFileSync(lockFile, "utf8")).packages;
}

function install() {
  say("installing what package-lock.json names (npm ci). The SQLite binding is compiled when no");
  say("ready-made binary can be had: expect one to two minutes without output.");
  const missing = missingTools();
  if (missing.length > 0)
    say(`without a ready-made binary this will fail: ${installHint(missing)}`);
  const result = spawnSync("npm", ["ci", "--no-audit", "--no-fund"], {
    cwd: root,
    stdio: ["ignore", 2, 2],
  });
  if (result.status === 0 && existsSync(nativeModule)) return;
  const cause = result.error === undefined ? `status ${result.status}` : result.error.message;
  const hint =
    missing.length > 0 ? installHint(missing) : "the reason stands above, by npm itself.";
  stop(`npm ci did not finish (${cause}): ${hint}`);
}

function missingTools() {
  return toolchain.filter(({ command }) => {
    return spawnSync(command, ["--version"], { stdio: "ignore" }).error !== undefined;
  });
}

function installHint(missing) {
  const names = missing.map(({ command }) => command).join(", ");
  const packages = missing.map(({ debian }) => debian).join(" ");
  return `${names} not found; on Debian: apt-get install -y ${packages}`;
}

/** True when the last build is newer than every file it was made from. */
function isBuilt() {
  if (!existsSync(buildStamp)) return false;
  const builtAt = statSync(buildStamp).mtimeMs;
  const inputs = ["tsconfig.json", "package-lock.json", "src", "test"];
  return inputs.every((name) => newestChange(join(root, name)) < builtAt);
}

function newestChange(path) {
  // A package installed elsewhere ships no tests, and a removed folder is seen by its parent.
  if (!existsSync(path)) return 0;
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return readdirSync(path).reduce((newest, name) => {
    return Math.max(newest, newestChange(join(path, name)));
  }, stat.mtimeMs);
}

function build() {
  say("compiling (tsc)");
  const startedAt = new Date();
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const result = spawnSync(
    process.execPath,
    [tsc, "-p", root, "--incremental", "--tsBuildInfoFile", join(root, "dist/.tsbuildinfo")],
    { cwd: root, stdio: ["ignore", 2, 2] },
  );
  if (result.status !== 0) stop("the sources do not compile; the reasons stand above.");
  // The compiler does not know which files are programs.
  for (const program of ["kvdbd.js", "kvdb.js"]) chmodSync(join(root, "dist/src", program), 0o755);
  writeFileSync(buildStamp, `${startedAt.toISOString()}\n`);
}

function say(text) {
  process.stderr.write(`kvdb setup: ${text}\n`);
}

function stop(reason) {
  say(reason);
  process.exit(1);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  setUp();
}
