/**
 * The frames of HTTP/2 that a gRPC client sends, and the header block of a call. Headers are written
 * without the compression table, so that a block can be sent again and again as it is.
 */
export const frameType = {
  data: 0,
  headers: 1,
  resetStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const frameFlag = { endStream: 1, ack: 1, endHeaders: 4, padded: 8 } as const;
export const frameHeaderBytes = 9;
/** What a peer must accept at least; asking for more is not worth a setting here. */
export const frameBytesMax = 16_384;
export const windowBytesMax = 0x7fff_ffff;
export const initialWindowBytes = 65_535;

const setting = { headerTableSize: 1, enablePush: 2, initialWindowSize: 4 } as const;

export interface FrameHead {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
}

export function frame(head: FrameHead, payload: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(frameHeaderBytes + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = head.type;
  bytes[4] = head.flags;
  bytes.writeUInt32BE(head.stream, 5);
  bytes.set(payload, frameHeaderBytes);
  return bytes;
}

export function windowUpdate(stream: number, bytes: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(bytes);
  return frame({ type: frameType.windowUpdate, flags: 0, stream }, payload);
}

/**
 * What a connection begins with: no header table, so that a trailer that says OK is the same bytes
 * every time, and windows so large that the server is never held up by this client.
 */
export function clientPreface(): Buffer {
  const settings: readonly (readonly [number, number])[] = [
    [setting.headerTableSize, 0],
    [setting.enablePush, 0],
    [setting.initialWindowSize, windowBytesMax],
  ];
  const payload = Buffer.alloc(6 * settings.length);
  settings.forEach(([name, value], index) => {
    payload.writeUInt16BE(name, index * 6);
    payload.writeUInt32BE(value, index * 6 + 2);
  });
  return Buffer.concat([
    Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1"),
    frame({ type: frameType.settings, flags: 0, stream: 0 }, payload),
    windowUpdate(0, windowBytesMax - initialWindowBytes),
  ]);
}

/** The initial window of a settings frame, when it names one. */
export function initialWindowIn(payload: Buffer): number | undefined {
  for (let at = 0; at + 6 <= payload.length; at += 6) {
    if (payload.readUInt16BE(at) === setting.initialWindowSize) return payload.readUInt32BE(at + 2);
  }
  return undefined;
}

/** The headers of a gRPC call, as RFC 7541 writes them without its dynamic table. */
export function callHeaders(path: string, authority: string): Buffer {
  const literal = (text: string): Buffer => {
    if (text.length > 126) throw new Error(`"${text}" is too long for a one-byte length`);
    return Buffer.concat([Buffer.from([text.length]), Buffer.from(text, "latin1")]);
  };
  return Buffer.concat([
    Buffer.from([0x83, 0x86, 0x04]), // POST, http, and the name of :path
    literal(path),
    Buffer.from([0x01]), // the name of :authority
    literal(authority),
    Buffer.from([0x0f, 0x10]), // the name of content-type
    literal("application/grpc"),
    Buffer.from([0x00]),
    literal("te"),
    literal("trailers"),
  ]);
}

/** A gRPC message in front of which its length stands; never compressed here. */
export function grpcMessage(content: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(5 + content.length);
  bytes[0] = 0;
  bytes.writeUInt32BE(content.length, 1);
  bytes.set(content, 5);
  return bytes;
}

/** "grpc-status" as text and in the code of RFC 7541, each followed by "0" in either form. */
const statusNames = [
  Buffer.concat([Buffer.from([11]), Buffer.from("grpc-status", "latin1")]),
  Buffer.from("889acac8b21234da8f", "hex"),
];
const zeros = [Buffer.from([0x01, 0x30]), Buffer.from([0x81, 0x07])];
const okTrailers = statusNames.flatMap((name) => {
  return zeros.map((value) => Buffer.concat([name, value]));
});

/** Whether a header block carries `grpc-status: 0`. */
export function saysOk(block: Buffer): boolean {
  return okTrailers.some((pattern) => block.includes(pattern));
}
