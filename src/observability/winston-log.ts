/**
 * The only user of winston: JSON lines on stderr. A line costs about 20 µs, a suppressed one 3 µs
 * inside winston, so the level is looked at before anything is made.
 */
import { createRequire } from "node:module";
import { Writable } from "node:stream";
import type winston from "winston";
import type { Clock } from "../foundation/clock.js";
import {
  isLevelOn,
  type Log,
  type LogFields,
  type LogValue,
  phraseOf,
  printableFields,
} from "./log.js";
import { type LogEventName, type LogEventRow, type LogLevel, logEvents } from "./log-events.js";

// File by file: the package's own entry loads the transports too, and with them an HTTP client and a
// compressor. Required and not imported: an import of CommonJS parses its source for names.
const requireHere = createRequire(import.meta.url);
const requireThere = createRequire(requireHere.resolve("winston"));
const createLogger = requireThere("./winston/create-logger.js") as typeof winston.createLogger;
const printf = requireThere("logform/printf.js") as typeof winston.format.printf;

export interface LogOptions {
  readonly level: LogLevel;
  readonly clock: Clock;
  /** Where lines go; stderr when absent. Called with one JSON object and its line end. */
  readonly write?: (line: string) => void;
}

/** Where winston's formats leave the finished text. */
const formattedLine = Symbol.for("message");
interface FormattedLine {
  readonly [formattedLine]: string;
}

/** What all logs of one root share. */
interface Root {
  readonly logger: winston.Logger;
  readonly clock: Clock;
  level: LogLevel;
}

/** Opens the process's log. */
export function openLog(options: LogOptions): Log {
  const write = options.write ?? stderrWriter();
  const logger = createLogger({
    level: "debug", // The level is ours to decide, before a line is made.
    format: printf((info) => String(info.message)),
  });
  logger.pipe(
    new Writable({
      objectMode: true,
      write(info: FormattedLine, _encoding, done) {
        write(`${info[formattedLine]}\n`);
        done();
      },
    }),
  );
  return new WinstonLog({ logger, clock: options.clock, level: options.level }, {});
}

class WinstonLog implements Log {
  readonly #root: Root;
  readonly #fixed: Readonly<Record<string, LogValue>>;

  constructor(root: Root, fixed: Readonly<Record<string, LogValue>>) {
    this.#root = root;
    this.#fixed = fixed;
  }

  event(name: LogEventName, fields: LogFields = {}): void {
    const row: LogEventRow = logEvents[name];
    if (!this.isOn(row.level)) return;
    const printable = { ...this.#fixed, ...printableFields(fields) };
    const line = {
      ts: new Date(this.#root.clock.wallMs()).toISOString(),
      level: row.level,
      msg: phraseOf(name, printable),
      event: name,
    };
    // The four common fields come first to be read and last to win.
    this.#root.logger.log(row.level, JSON.stringify({ ...line, ...printable, ...line }));
  }

  child(fields: LogFields): Log {
    return new WinstonLog(this.#root, { ...this.#fixed, ...printableFields(fields) });
  }

  isOn(level: LogLevel): boolean {
    return isLevelOn(level, this.#root.level);
  }

  setLevel(level: LogLevel): void {
    this.#root.level = level;
  }
}

/**
 * Whoever read the log may have gone (a closed pipe), and without a listener that would end the
 * process. A store goes on unheard; there is no place left where this could be said.
 */
function stderrWriter(): (line: string) => void {
  process.stderr.on("error", () => undefined);
  return (line) => {
    process.stderr.write(line);
  };
}
