/** A log that keeps its lines, with level and phrase as the table gives them. */

import {
  isLevelOn,
  type Log,
  type LogFields,
  type LogValue,
  phraseOf,
  printableFields,
} from "../../src/observability/log.js";
import {
  type LogEventName,
  type LogEventRow,
  logEvents,
} from "../../src/observability/log-events.js";

export interface RecordedLine {
  readonly name: LogEventName;
  readonly level: LogEventRow["level"];
  readonly msg: string;
  readonly fields: Readonly<Record<string, LogValue>>;
}

export interface RecordingLog extends Log {
  readonly lines: readonly RecordedLine[];
  /** The lines of one event, oldest first. */
  of(name: LogEventName): readonly RecordedLine[];
}

export function recordingLog(): RecordingLog {
  const lines: RecordedLine[] = [];
  const logWith = (inherited: LogFields): RecordingLog => ({
    lines,
    of: (name) => lines.filter((line) => line.name === name),
    event(name, fields = {}) {
      const printable = printableFields({ ...inherited, ...fields });
      const { level } = logEvents[name];
      lines.push({ name, level, msg: phraseOf(name, printable), fields: printable });
    },
    child: (fields) => logWith({ ...inherited, ...fields }),
    isOn: (level) => isLevelOn(level, "debug"),
    setLevel() {
      // Everything is kept, whatever the level.
    },
  });
  return logWith({});
}
