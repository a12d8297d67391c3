/**
 * etcd's side of the load, in its own fair form: serializable reads (a linearizable one asks for a
 * round of the log that a single node need not be charged with), many keys as a Txn of at most 128
 * operations, a scan as pages of a Range.
 */
import { type EtcdMessages, etcdMessages, etcdPath } from "../peers/etcd-messages.js";
import { Http2Connection } from "../wire/http2-connection.js";
import type { Workload } from "../workload/keys.js";
import { holdsValues, RequestTemplate } from "../workload/template.js";
import { wrongValue } from "./kvdb-lane.js";
import { type Lane, noSuchWork } from "./lane.js";
import type { Work } from "./load-job.js";
import { ScanCheck } from "./scan-check.js";

const scanPageKeys = 10_000;

export async function openEtcdLane(
  port: number,
  work: Work,
  items: number,
  workload: Workload,
): Promise<Lane> {
  const connection = await Http2Connection.open(port);
  const messages = etcdMessages();
  if (work === "scan") return scanLane(connection, messages, workload);
  const { path, template, reads } = unaryForm(messages, work, items, workload);
  return {
    ask(indices, done) {
      connection.unary(path, template.fill(indices), (answer, failure) => {
        if (answer === undefined) done(failure);
        else if (reads && !holdsValues(workload, answer, indices)) done(wrongValue(indices));
        else done(undefined);
      });
    },
    close() {
      connection.close();
    },
  };
}

function unaryForm(
  messages: EtcdMessages,
  work: Work,
  items: number,
  workload: Workload,
): { readonly path: string; readonly template: RequestTemplate; readonly reads: boolean } {
  const template = (encode: (indices: readonly number[]) => Uint8Array): RequestTemplate => {
    return new RequestTemplate(workload, items, encode);
  };
  const range = (index = 0): { readonly key: Buffer; readonly serializable: boolean } => {
    return { key: workload.key(index), serializable: true };
  };
  const put = (index = 0): { readonly key: Buffer; readonly value: Buffer } => {
    return { key: workload.key(index), value: workload.value(index) };
  };
  switch (work) {
    case "get":
      return {
        path: etcdPath.range,
        template: template(([index]) => messages.range(range(index))),
        reads: true,
      };
    case "put":
      return {
        path: etcdPath.put,
        template: template(([index]) => messages.put(put(index))),
        reads: false,
      };
    case "batch-get":
      return {
        path: etcdPath.txn,
        template: template((indices) => {
          return messages.txn(indices.map((index) => ({ requestRange: range(index) })));
        }),
        reads: true,
      };
    case "batch-write":
      return {
        path: etcdPath.txn,
        template: template((indices) => {
          return messages.txn(indices.map((index) => ({ requestPut: put(index) })));
        }),
        reads: false,
      };
    case "pipeline":
    case "scan":
      throw noSuchWork("a unary call of etcd", work);
  }
}

function scanLane(connection: Http2Connection, messages: EtcdMessages, workload: Workload): Lane {
  return {
    ask([first = 0, count = 0], done) {
      const check = new ScanCheck(workload, first, count);
      const rangeEnd = workload.key(first + count);
      const next = (): void => {
        const before = check.left;
        const key = workload.key(check.next);
        const page = messages.range({ key, rangeEnd, limit: scanPageKeys, serializable: true });
        connection.unary(etcdPath.range, page, (answer, failure) => {
          if (answer !== undefined) check.take(answer);
          if (answer === undefined) done(failure);
          else if (check.left > 0 && check.left < before) next();
          else done(check.failure());
        });
      };
      next();
    },
    close() {
      connection.close();
    },
  };
}
