/** The bare grpc-js server: the same bytes as a Get or Put of kvdb, and nothing done with them. */
import { GetRequest, PutRequest } from "../../../src/wire/kvdb/v1/kv.js";
import { echoPath } from "../peers/echo-form.js";
import { Http2Connection } from "../wire/http2-connection.js";
import type { Workload } from "../workload/keys.js";
import { RequestTemplate } from "../workload/template.js";
import { type Lane, noSuchWork } from "./lane.js";
import type { Work } from "./load-job.js";

export async function openEchoLane(port: number, work: Work, workload: Workload): Promise<Lane> {
  if (work !== "get" && work !== "put") throw noSuchWork("an echo", work);
  const connection = await Http2Connection.open(port);
  const template = new RequestTemplate(workload, 1, ([index = 0]) => {
    const key = workload.key(index);
    return work === "get"
      ? GetRequest.encode(GetRequest.fromPartial({ key })).finish()
      : PutRequest.encode(PutRequest.fromPartial({ key, value: workload.value(index) })).finish();
  });
  return {
    ask(indices, done) {
      connection.unary(echoPath[work], template.fill(indices), (_answer, failure) => {
        done(failure);
      });
    },
    close() {
      connection.close();
    },
  };
}
