/**
 * Which pages of a database file hold a row, and which page of a table is not one, read from the
 * file's own format (sqlite.org/fileformat2.html). SQLite names no page when a statement meets
 * damage, and its tables about pages read whole trees, so this goes down one path, or along a few
 * leaves. What it reads may be damaged: every number is checked before it is followed.
 */
import { viewOf } from "./wal-format.js";

export interface PageSource {
  /** Of the file. */
  readonly pages: number;
  /** Bytes of a page that hold something; the rest is reserved. */
  readonly usableBytes: number;
  /** Undefined: the file ends before it, or the disk cannot read it. */
  read(page: number): Uint8Array | undefined;
}

export interface RowPages {
  readonly leaf: number;
  /** Of a long value, in their order. */
  readonly overflow: readonly number[];
  /** False: there are more, or the chain is broken. */
  readonly whole: boolean;
}

const interiorTable = 0x05;
const leafTable = 0x0d;
const interiorIndex = 0x02;
const leafIndex = 0x0a;
const fileHeaderBytes = 100;
const pointerBytes = 2;
const depthMax = 20;

interface Node {
  readonly view: DataView;
  readonly kind: number;
  /** Where each cell begins. */
  readonly cells: readonly number[];
  /** Of an interior page; 0 = it is a leaf. */
  readonly rightmost: number;
}

/** Undefined: the tree does not lead to a leaf that holds the row. */
export function pagesOfRow(
  source: PageSource,
  root: number,
  { rowId, overflowMax }: { readonly rowId: bigint; readonly overflowMax: number },
): RowPages | undefined {
  let page = root;
  for (let depth = 0; depth < depthMax; depth++) {
    const node = nodeOf(source, page);
    if (node === undefined) return undefined;
    if (node.kind === leafTable) {
      const cell = node.cells.find((at) => rowIdAt(node.view, at) === rowId);
      return cell === undefined
        ? undefined
        : { leaf: page, ...overflowOf(source, { view: node.view, cell, overflowMax }) };
    }
    if (node.kind !== interiorTable) return undefined;
    page = childFor(node, rowId);
  }
  return undefined;
}

/**
 * The first page of a tree, in the order of its rows and behind a place, that cannot be what it
 * should be. Looks at so many pages at most; undefined = none of them.
 */
export function brokenPage(
  source: PageSource,
  root: number,
  { after, pagesMax }: { readonly after: bigint | undefined; readonly pagesMax: number },
): number | undefined {
  let left = pagesMax;
  const below = (page: number, depth: number): number | undefined => {
    if (left-- <= 0) return undefined;
    const node = nodeOf(source, page);
    if (node === undefined || depth >= depthMax) return page;
    for (const child of childrenOf(node, after)) {
      const found = below(child, depth + 1);
      if (found !== undefined || left <= 0) return found;
    }
    return undefined;
  };
  return below(root, 0);
}

function nodeOf(source: PageSource, page: number): Node | undefined {
  if (page < 1 || page > source.pages) return undefined;
  const bytes = source.read(page);
  if (bytes === undefined) return undefined;
  const view = viewOf(bytes);
  const start = page === 1 ? fileHeaderBytes : 0;
  const kind = view.getUint8(start);
  const isInterior = kind === interiorTable || kind === interiorIndex;
  if (!isInterior && kind !== leafTable && kind !== leafIndex) return undefined;
  const count = view.getUint16(start + 3);
  const pointers = start + (isInterior ? 12 : 8);
  const firstCell = pointers + count * pointerBytes;
  if (firstCell > source.usableBytes) return undefined;
  const cells: number[] = [];
  for (let at = pointers; at < firstCell; at += pointerBytes) {
    const cell = view.getUint16(at);
    if (cell < firstCell || cell + 4 > source.usableBytes) return undefined;
    cells.push(cell);
  }
  const rightmost = isInterior ? view.getUint32(start + 8) : 0;
  const children = isInterior ? [...cells.map((at) => view.getUint32(at)), rightmost] : [];
  if (children.some((child) => child < 1 || child > source.pages)) return undefined;
  return { view, kind, cells, rightmost };
}

/** The child whose rows end at or behind the row. */
function childFor(node: Node, rowId: bigint): number {
  const cell = node.cells.find((at) => rowId <= varintAt(node.view, at + 4).value);
  return cell === undefined ? node.rightmost : node.view.getUint32(cell);
}

function childrenOf(node: Node, after: bigint | undefined): number[] {
  if (node.rightmost === 0) return [];
  const { view, kind } = node;
  const behind =
    kind === interiorTable && after !== undefined
      ? node.cells.filter((at) => varintAt(view, at + 4).value > after)
      : node.cells;
  return [...behind.map((at) => view.getUint32(at)), node.rightmost];
}

function rowIdAt(view: DataView, cell: number): bigint {
  return varintAt(view, varintAt(view, cell).next).value;
}

/** The pages behind a leaf's cell, as far as they can be followed. */
function overflowOf(
  source: PageSource,
  of: { readonly view: DataView; readonly cell: number; readonly overflowMax: number },
): Pick<RowPages, "overflow" | "whole"> {
  const { view, cell, overflowMax } = of;
  const size = varintAt(view, cell);
  const bytes = Number(size.value);
  const usable = source.usableBytes;
  const localMax = usable - 35;
  if (bytes <= localMax) return { overflow: [], whole: true };
  const localMin = Math.floor(((usable - 12) * 32) / 255) - 23;
  const rest = localMin + ((bytes - localMin) % (usable - 4));
  const local = rest <= localMax ? rest : localMin;
  const at = varintAt(view, size.next).next + local;
  const overflow: number[] = [];
  const count = Math.ceil((bytes - local) / (usable - 4));
  let page = at + 4 <= usable ? view.getUint32(at) : 0;
  while (page > 0 && page <= source.pages && overflow.length < Math.min(count, overflowMax)) {
    overflow.push(page);
    const next = source.read(page);
    page = next === undefined ? 0 : viewOf(next).getUint32(0);
  }
  return { overflow, whole: overflow.length === count };
}

/** SQLite's: seven bits a byte, and a ninth byte of eight; signed as a whole. */
function varintAt(view: DataView, at: number): { readonly value: bigint; readonly next: number } {
  let value = 0n;
  for (let index = 0; index < 8; index++) {
    const byte = at + index < view.byteLength ? view.getUint8(at + index) : 0;
    value = (value << 7n) | BigInt(byte & 0x7f);
    if (byte < 0x80) return { value: BigInt.asIntN(64, value), next: at + index + 1 };
  }
  const last = at + 8 < view.byteLength ? view.getUint8(at + 8) : 0;
  return { value: BigInt.asIntN(64, (value << 8n) | BigInt(last)), next: at + 9 };
}
