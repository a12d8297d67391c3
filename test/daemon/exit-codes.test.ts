/** Every row of the exit code table, brought about from outside. */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import { exitReasons } from "../../src/daemon/exit-codes.js";
import { needProgram } from "../support/debian-package.js";
import { connectTo } from "../support/grpc-client.js";
import { type DaemonOptions, startDaemon } from "../support/spawn-daemon.js";
import { type Ending, tempDirectory } from "../support/temp-directory.js";
import { readText } from "../tools/source-files.js";

const nobody = 65_534;
const pageBytes = 4_096;

async function expectExit(ending: Ending, options: DaemonOptions, code: number): Promise<string> {
  const daemon = startDaemon(ending, options);
  const log = (): string => daemon.stderr.join("\n");
  assert.deepEqual(await daemon.ended, { code, signal: null }, log());
  assert.deepEqual(daemon.stdout, [], "a daemon that does not serve prints no ready line");
  return log();
}

test("0: a clean stop", async (t) => {
  const daemon = startDaemon(t, { file: join(tempDirectory(t), "kv.db") });
  await daemon.ready();
  assert.deepEqual(await daemon.stop(), { code: 0, signal: null });
});

for (const variable of ["KVDB_LISTEN", "KVDB_HTTP_LISTEN"]) {
  test(`1: a port of ${variable} that is taken, and the store is free again`, async (t) => {
    const file = join(tempDirectory(t), "kv.db");
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
    t.after(() => holder.close());
    const taken = holder.address();
    assert.ok(typeof taken === "object" && taken !== null);
    const address = `127.0.0.1:${String(taken.port)}`;
    const log = await expectExit(t, { file, env: { [variable]: address } }, 1);
    assert.ok(log.includes(`cannot listen on ${address}: listen EADDRINUSE`), log);
    assert.match(log, /choose another address, or stop what uses this one/);
    const daemon = startDaemon(t, { file });
    await daemon.ready();
    assert.deepEqual(daemon.logged("startup detected WAL residue"), []);
  });
}

test("10: a file that is not SQLite is left as it is", async (t) => {
  const file = join(tempDirectory(t), "kv.db");
  const content = "this is not a database\n".repeat(1_000);
  writeFileSync(file, content, { mode: 0o600 });
  await expectExit(t, { file }, 10);
  assert.equal(readFileSync(file, "utf8"), content);
});

test("10: the database of another application is left as it is", async (t) => {
  const file = join(tempDirectory(t), "kv.db");
  const other = new Database(file);
  other.exec("CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1)");
  other.close();
  chmodSync(file, 0o600);
  const before = readFileSync(file);
  await expectExit(t, { file }, 10);
  assert.deepEqual(readFileSync(file), before);
});

/** A store with some hundred pages, stopped cleanly; some of its pages then lose their head. */
async function damagedStore(ending: Ending, isDamaged: (page: number, pages: number) => boolean) {
  const file = join(tempDirectory(ending), "kv.db");
  const daemon = startDaemon(ending, { file });
  const { grpc } = await daemon.ready();
  const client = connectTo(ending, grpc[0] ?? "");
  for (let at = 0; at < 200; at++) await client.put(`key-${String(at)}`, "x".repeat(1_000));
  assert.deepEqual(await daemon.stop(), { code: 0, signal: null });
  const bytes = readFileSync(file);
  const pages = bytes.length / pageBytes;
  for (let page = 1; page < pages; page++) {
    const at = page * pageBytes;
    if (isDamaged(page, pages)) bytes.fill(0xff, at, at + 16);
  }
  writeFileSync(file, bytes);
  return file;
}

test("10: damage that the first statements meet refuses the start", async (t) => {
  const file = await damagedStore(t, () => true);
  await expectExit(t, { file }, 10);
});

test("10: damage that only the check at the start finds stops the daemon", async (t) => {
  const file = await damagedStore(t, (page, pages) => page > pages / 2);
  const daemon = startDaemon(t, { file });
  assert.deepEqual(await daemon.ended, { code: 10, signal: null }, daemon.stderr.join("\n"));
  assert.equal(daemon.logged("startup quick_check failed").length, 1);
});

test("74: after a failed sync nothing more is written, and a restart has every acknowledged put", async (t) => {
  needProgram({ check: ["strace", "-V"], packages: ["strace"] });
  const directory = tempDirectory(t);
  const file = join(directory, "kv.db");
  // From its sixtieth sync on, each thread is told by the system that the disk failed.
  const inject = "inject=fsync,fdatasync:error=EIO:when=60+";
  const trace = ["-f", "-qq", "-o", join(directory, "trace"), "-e", "trace=fsync,fdatasync"];
  const daemon = startDaemon(t, { file, wrapper: ["strace", ...trace, "-e", inject] });
  const { grpc } = await daemon.ready();
  const client = connectTo(t, grpc[0] ?? "");
  const acknowledged: string[] = [];
  const failed = await (async () => {
    for (let at = 0; at < 500; at++) {
      const key = `key-${String(at)}`;
      try {
        await client.put(key, key);
      } catch (error) {
        return error;
      }
      acknowledged.push(key);
    }
    return undefined;
  })();
  assert.ok(failed instanceof Error, "one of the puts must have met the failing disk");
  assert.deepEqual(await daemon.ended, { code: 74, signal: null }, daemon.stderr.join("\n"));
  assert.equal(daemon.logged("a storage fault stopped all writes").length, 1);
  assert.ok(statSync(`${file}-wal`).size > 0, "nothing may be moved out of the WAL after a fault");

  const next = startDaemon(t, { file });
  const address = (await next.ready()).grpc[0] ?? "";
  const after = connectTo(t, address);
  for (const key of acknowledged) {
    assert.deepEqual(await after.get(key), new TextEncoder().encode(key), key);
  }
  assert.ok(acknowledged.length > 10);
});

test("75: a second daemon on the same file, and the first one does not notice", async (t) => {
  const file = join(tempDirectory(t), "kv.db");
  const first = startDaemon(t, { file });
  const { grpc } = await first.ready();
  const client = connectTo(t, grpc[0] ?? "");
  await client.put("a", "1");
  await expectExit(t, { file }, 75);
  // The usual way to make this mistake has the same port as well.
  await expectExit(t, { file, env: { KVDB_LISTEN: grpc[0] ?? "" } }, 75);
  await client.put("b", "2");
  assert.deepEqual(await client.get("a"), new TextEncoder().encode("1"));
  assert.deepEqual(await first.stop(), { code: 0, signal: null });
});

test("77: a directory that others may write to, named in the message", async (t) => {
  const directory = join(tempDirectory(t), "open");
  mkdirSync(directory);
  chmodSync(directory, 0o777);
  const log = await expectExit(t, { file: join(directory, "kv.db") }, 77);
  assert.ok(log.includes(directory));
});

test("77: a directory that cannot be written, named in the message", async (t) => {
  const directory = join(tempDirectory(t), "closed");
  mkdirSync(directory, { mode: 0o500 });
  const isRoot = process.getuid?.() === 0;
  const user = isRoot ? { uid: nobody } : {};
  // The parent has to let the other user through, so that it is this directory that refuses.
  chmodSync(join(directory, ".."), 0o755);
  chmodSync(directory, 0o555);
  const log = await expectExit(t, { file: join(directory, "kv.db"), ...user }, 77);
  assert.ok(log.includes(directory));
});

test("77: root without permission to be root, before anything is created", async (t) => {
  const file = join(tempDirectory(t), "kv.db");
  if (process.getuid?.() !== 0) {
    // Not root, so there is nothing to refuse: it starts without being allowed to.
    const daemon = startDaemon(t, { file, flags: ["--allow-root=off"] });
    await daemon.ready();
    assert.deepEqual(await daemon.stop(), { code: 0, signal: null });
    return;
  }
  const env = { KVDB_SQLITE_FILE: file, KVDB_LISTEN: "127.0.0.1:0", KVDB_HTTP_LISTEN: "off" };
  const log = await expectExit(t, { file, defaults: false, env }, 77);
  assert.match(log, /--allow-root/);
});

test("78: a wrong setting", async (t) => {
  const file = join(tempDirectory(t), "kv.db");
  await expectExit(t, { file, env: { KVDB_SQLITE_SYNCHRONOUS: "EXTAR" } }, 78);
});

test("the unit file keeps down what a restart cannot mend", () => {
  const unit = readText("deploy/systemd/kvdbd.service");
  const never = Object.values(exitReasons).filter(({ restart }) => !restart);
  const listed = /^RestartPreventExitStatus=(.*)$/m.exec(unit)?.[1]?.split(" ").map(Number);
  assert.deepEqual(
    listed,
    never.map(({ code }) => code),
  );
});
