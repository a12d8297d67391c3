/**
 * A grpc-js server that does nothing: what a unary call costs before a store has done anything.
 * Prints its port and runs until it is killed.
 */
import { type MethodDefinition, Server, ServerCredentials } from "@grpc/grpc-js";
import { echoAnswerBytes, echoPath } from "./echo-form.js";

const same = (bytes: Buffer): Buffer => bytes;

function method(path: string): MethodDefinition<Buffer, Buffer> {
  return {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
}

// channelz off, as in the daemon: it costs a third of a call and tells us nothing.
const server = new Server({ "grpc.enable_channelz": 0 });
const large = Buffer.alloc(echoAnswerBytes.get, 1);
const small = Buffer.alloc(echoAnswerBytes.put, 1);
server.addService(
  { Get: method(echoPath.get), Put: method(echoPath.put) },
  {
    Get(_call: unknown, done: (error: null, answer: Buffer) => void) {
      done(null, large);
    },
    Put(_call: unknown, done: (error: null, answer: Buffer) => void) {
      done(null, small);
    },
  },
);
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  process.stdout.write(`${JSON.stringify({ port })}\n`);
});
process.once("disconnect", () => {
  process.exit(0);
});
