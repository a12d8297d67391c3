/** Addresses are written as the server's own setting writes them, or refused by name. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { targetOf } from "../../../src/client/channel.js";
import { KvError } from "../../../src/client/kv-error.js";

for (const { address, target } of [
  { address: "127.0.0.1:50051", target: "dns:127.0.0.1:50051" },
  { address: "db.example:1", target: "dns:db.example:1" },
  { address: "[::1]:50051", target: "dns:[::1]:50051" },
  { address: "unix:/run/kvdb/kvdbd.sock", target: "unix:/run/kvdb/kvdbd.sock" },
]) {
  test(`the address ${address} is one`, () => {
    assert.equal(targetOf(address), target);
  });
}

for (const address of [
  "",
  "localhost",
  ":50051",
  "h:0",
  "h:65536",
  "::1:5",
  "unix:",
  "unix:x",
  "http://h:1",
]) {
  test(`the address ${JSON.stringify(address)} is refused with how to write one`, () => {
    assert.throws(
      () => targetOf(address),
      (error) =>
        error instanceof KvError && error.reason === "ADDRESS_INVALID" && error.hint !== "",
    );
  });
}
