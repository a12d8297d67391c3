/** Every command, in the order of the help text. */
import type { Command } from "./command.js";
import { helpCommand, version } from "./commands/about.js";
import { call } from "./commands/call.js";
import { checkpoint } from "./commands/checkpoint.js";
import { del } from "./commands/del.js";
import { demo } from "./commands/demo.js";
import { events } from "./commands/events.js";
import { exportCommand } from "./commands/export.js";
import { get } from "./commands/get.js";
import { incr } from "./commands/incr.js";
import { integrity } from "./commands/integrity.js";
import { lease } from "./commands/lease.js";
import { list } from "./commands/list.js";
import { load } from "./commands/load.js";
import { namespace } from "./commands/namespace.js";
import { drain, logLevel, resume } from "./commands/operate.js";
import { pragmas } from "./commands/pragmas.js";
import { prove } from "./commands/prove.js";
import { put } from "./commands/put.js";
import { rename } from "./commands/rename.js";
import { scan } from "./commands/scan.js";
import { smoke } from "./commands/smoke.js";
import { status } from "./commands/status.js";
import { compact, vacuum } from "./commands/tidy-up.js";
import { batch, txn } from "./commands/txn.js";
import { wal } from "./commands/wal.js";
import { watch } from "./commands/watch.js";

export const commands: readonly Command[] = [
  put,
  get,
  del,
  list,
  scan,
  watch,
  incr,
  rename,
  txn,
  batch,
  load,
  exportCommand,
  lease,
  namespace,
  status,
  wal,
  checkpoint,
  integrity,
  compact,
  vacuum,
  pragmas,
  drain,
  resume,
  logLevel,
  events,
  call,
  smoke,
  demo,
  prove,
  version,
  helpCommand(() => commands),
];
