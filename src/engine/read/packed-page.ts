/** Entries that are made only for whoever looks at them: most are passed on as bytes. */
import type { Entry, Header } from "../../storage/model.js";
import { type PackedEntries, unpackEntries } from "../../storage/packed-entries.js";
import type { Page, Points } from "../../storage/storage-engine.js";
import type { PageOfRange } from "./range-reads.js";

/** The same of single keys, some of which may be absent. */
export class PackedPoints implements Points {
  readonly header: Header;
  readonly #packed: Uint8Array;
  #entries: readonly (Entry | undefined)[] | undefined;

  constructor(header: Header, packed: Uint8Array) {
    this.header = header;
    this.#packed = packed;
  }

  get entries(): readonly (Entry | undefined)[] {
    this.#entries ??= unpackEntries(this.#packed);
    return this.#entries;
  }

  get packed(): Uint8Array {
    return this.#packed;
  }
}

export class PackedPage implements Page {
  readonly header: Header;
  readonly more: boolean;
  readonly count: number | undefined;
  readonly #page: PageOfRange;
  #entries: readonly Entry[] | undefined;

  constructor(header: Header, page: PageOfRange) {
    this.header = header;
    this.more = page.more;
    this.count = page.count;
    this.#page = page;
  }

  get entries(): readonly Entry[] {
    // A page has no absent entry: only an answer to single keys has.
    this.#entries ??= unpackEntries(this.#page.packed) as Entry[];
    return this.#entries;
  }

  get packed(): PackedEntries | undefined {
    const { packed, lastKey } = this.#page;
    return lastKey === undefined ? undefined : { bytes: packed, lastKey };
  }
}
