/**
 * What leaves the tool. The answer goes to stdout, in one of two forms; everything else (progress,
 * notes, errors) goes to stderr, so that stdout can be piped.
 */

export interface OutputStreams {
  /** Resolves when there is room for more. */
  readonly write: (data: string | Uint8Array) => Promise<void>;
  readonly note: (text: string) => void;
  readonly isTerminal: boolean;
  /** The width of the terminal that notes go to; undefined: they go elsewhere. */
  readonly noteColumns: number | undefined;
}

export class Output {
  readonly json: boolean;
  readonly isTerminal: boolean;
  readonly noteColumns: number | undefined;
  readonly #streams: OutputStreams;

  constructor(streams: OutputStreams, { json }: { readonly json: boolean }) {
    this.json = json;
    this.isTerminal = streams.isTerminal;
    this.noteColumns = streams.noteColumns;
    this.#streams = streams;
  }

  /** One answer in the form asked for: a line of JSON, or lines for people. */
  async answer(json: () => unknown, lines: () => readonly string[]): Promise<void> {
    if (this.json) await this.line(jsonLine(await json()));
    else for (const line of lines()) await this.line(line);
  }

  async line(text: string): Promise<void> {
    await this.#streams.write(`${text}\n`);
  }

  async bytes(bytes: Uint8Array): Promise<void> {
    await this.#streams.write(bytes);
  }

  /** A line on stderr. */
  note(text: string): void {
    this.#streams.note(`${text}\n`);
  }

  /** Text on stderr as it is: a progress bar draws over itself. */
  draw(text: string): void {
    this.#streams.note(text);
  }
}

/** 64-bit numbers as text: a JSON number would lose digits above 2^53. */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value, (_name, member: unknown) => {
    return typeof member === "bigint" ? member.toString() : member;
  });
}
