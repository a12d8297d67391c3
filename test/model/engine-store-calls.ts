/** Calls about the whole store, as the verbs of an engine. */
import assert from "node:assert/strict";
import type {
  IntegrityMode,
  IntegrityProgress,
  IntegrityReport,
} from "../../src/storage/maintenance.js";
import type { NamespaceInfo } from "../../src/storage/namespaces.js";
import type { StorageEngine } from "../../src/storage/storage-engine.js";
import type { ModelNamespace } from "../support/model-store.js";
import type { StoreCall } from "./calls.js";
import type { Truth } from "./oracle.js";

/** What is known of the answer; the rest must be in order in itself. */
export async function askEngine(
  engine: StorageEngine,
  call: StoreCall,
  epoch: bigint,
): Promise<Truth> {
  switch (call.rpc) {
    case "ListNamespaces":
      return listNamespaces(engine, call.pageSize);
    case "GetStatus": {
      const status = engine.maintenance.status();
      assert.deepEqual([status.epoch, status.state], [epoch, "serving"]);
      const { heads } = status;
      return { kind: "heads", heads: heads.map(({ namespace, head }) => [namespace, head]) };
    }
    case "GetPragmaStatus": {
      const { connections } = await engine.maintenance.pragmas();
      assert.ok(connections.length >= 3, "the writer, the point reader and a reader");
      const drifted = connections.flatMap(({ pragmas }) => pragmas.filter(({ drift }) => drift));
      assert.deepEqual(drifted, []);
      break;
    }
    case "GetWalStatus": {
      const wal = engine.maintenance.wal();
      assert.ok(wal.framesBackfilled <= wal.frames && wal.limitState === "ok");
      break;
    }
    case "GetIntegrityReport": {
      const report = engine.maintenance.lastIntegrityReport();
      assert.ok(report === undefined || report.verdict === "passed");
      break;
    }
    case "Checkpoint": {
      const record = await engine.maintenance.checkpoint(call.mode);
      assert.equal(record.modeRequested, call.mode);
      assert.ok(record.framesMoved <= record.framesTotal && record.outcome !== "FAILED");
      break;
    }
    case "CheckIntegrity":
      await checkIntegrity(engine, call.mode);
      break;
    case "Vacuum": {
      let done = false;
      for await (const step of engine.maintenance.vacuum(new AbortController().signal)) {
        done = step.done;
      }
      assert.ok(done, "a vacuum that nobody ends is finished");
      break;
    }
    case "Drain":
      engine.maintenance.drain("the model asks for it");
      break;
    case "Resume":
      engine.maintenance.resume();
      break;
    case "WatchEvents": {
      const ending = new AbortController();
      for await (const event of engine.maintenance.events(0, ending.signal)) {
        assert.ok(event.sequence >= 1);
        ending.abort();
      }
      break;
    }
    case "SetLogLevel":
      break;
  }
  return { kind: "sound" };
}

function listNamespaces(engine: StorageEngine, rowsMax: number): Truth {
  const infos: ModelNamespace[] = [];
  for (let after = ""; ; ) {
    const page = engine.namespaces.list({ after, rowsMax });
    infos.push(...page.map(modelInfo));
    const last = page.at(-1);
    if (last === undefined || page.length < rowsMax) break;
    after = last.name;
  }
  return { kind: "namespaces", namespaces: infos };
}

async function checkIntegrity(engine: StorageEngine, mode: IntegrityMode): Promise<void> {
  let last: IntegrityProgress | IntegrityReport | undefined;
  const steps = engine.maintenance.checkIntegrity(mode, new AbortController().signal);
  for await (const step of steps) last = step;
  assert.ok(last?.kind === "report");
  assert.deepEqual(last.messages, []);
  assert.equal(last.verdict, "passed");
}

export function modelInfo(info: NamespaceInfo): ModelNamespace {
  const { name, createdAtMs, keys, liveBytes, head, oldest, settings } = info;
  return { name, createdAtMs, keys, liveBytes, head, oldest, settings };
}
