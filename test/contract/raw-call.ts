/** HTTP/2 by hand, for what no gRPC client would send. */
import { once } from "node:events";
import { connect, constants } from "node:http2";

/** One call by hand; the trailers, or the headers where there were no others. */
export async function rawCall(
  address: string,
  path: string,
  body: Buffer,
): Promise<Record<string, unknown>> {
  const session = connect(`http://${address}`);
  try {
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: "POST",
      [constants.HTTP2_HEADER_PATH]: path,
      "content-type": "application/grpc",
      te: "trailers",
    });
    let last: Record<string, unknown> = {};
    stream.on("response", (headers: object) => {
      last = { ...last, ...headers };
    });
    stream.on("trailers", (headers: object) => {
      last = { ...last, ...headers };
    });
    stream.resume();
    stream.end(body);
    await once(stream, "close");
    return last;
  } finally {
    session.close();
  }
}
