/**
 * Lets clients send more than 64 KiB per round trip. grpc-js offers no setting for its server, so
 * the HTTP/2 servers are taken from a private field; where it is missing nothing breaks, uploads
 * are only slower, and a test notices.
 */
import type { Http2Server, ServerHttp2Session } from "node:http2";
import type { Server } from "@grpc/grpc-js";
import type { TransportLimits } from "../../rpc/served-method.js";

/** Call after every HTTP/2 server of the library exists. False: the library has changed. */
export function raiseReceiveWindows(server: Server, limits: TransportLimits): boolean {
  const { http2Servers } = server as unknown as { readonly http2Servers?: unknown };
  if (!(http2Servers instanceof Map) || http2Servers.size === 0) return false;
  for (const http2Server of http2Servers.keys() as Iterable<Http2Server>) {
    http2Server.on("session", (session: ServerHttp2Session) => {
      session.settings({ initialWindowSize: limits.streamWindowBytes });
      session.setLocalWindowSize(limits.connectionWindowBytes);
    });
  }
  return true;
}
