/** The checksum of a chunk is the one the contract describes, over the bytes it describes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32c } from "@node-rs/crc32";
import fc from "fast-check";
import { chunkChecksum } from "../../../src/client/bulk-loader.js";

test("it is the CRC-32C of each length as 4 bytes little-endian and the bytes, in order", () => {
  const entry = fc.record({ key: fc.uint8Array(), value: fc.uint8Array() });
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 5 }), (entries) => {
      const parts = entries.flatMap(({ key, value }) => {
        return [key, value].flatMap((bytes) => {
          const length = Buffer.alloc(4);
          length.writeUInt32LE(bytes.length);
          return [length, Buffer.from(bytes)];
        });
      });
      assert.equal(chunkChecksum(entries), crc32c(Buffer.concat(parts)));
    }),
  );
});

test("entries that move a byte from key to value have another checksum", () => {
  const one = [{ key: Buffer.from("ab"), value: Buffer.from("c") }];
  const two = [{ key: Buffer.from("a"), value: Buffer.from("bc") }];
  assert.notEqual(chunkChecksum(one), chunkChecksum(two));
});
