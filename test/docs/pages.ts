/**
 * The reference pages, each made from the table that the code itself uses: exit codes, log events,
 * metrics, errors, settings and their profile files. What stands in a page cannot differ from what the daemon does.
 */
import { exitOfOpenError, exitReasons } from "../../src/daemon/exit-codes.js";
import { type LogEventRow, logEvents } from "../../src/observability/log-events.js";
import { metricTable } from "../../src/observability/metric-names.js";
import type { MetricRow } from "../../src/observability/metric-row.js";
import { type ReasonRow, reasons } from "../../src/rpc/reasons.js";
import { statusCode } from "../../src/rpc/status-code.js";
import { readText } from "../tools/source-files.js";
import { cliPage } from "./cli-page.js";
import { configurationPage, profileFiles } from "./configuration-page.js";
import { withLayerPicture } from "./layer-picture.js";
import { code, markdownTable, page } from "./tables.js";

/** Path from the root → the text that must stand there. */
export function generatedPages(): ReadonlyMap<string, string> {
  return new Map([
    ...profileFiles(),
    ["docs/reference/configuration.md", configurationPage()],
    ["docs/reference/exit-codes.md", exitCodesPage()],
    ["docs/reference/log-events.md", logEventsPage()],
    ["docs/reference/metrics.md", metricsPage()],
    ["docs/reference/errors.md", errorsPage()],
    ["docs/reference/cli.md", cliPage()],
    ["docs/ARCHITECTURE.md", withLayerPicture(readText("docs/ARCHITECTURE.md"))],
  ]);
}

function exitCodesPage(): string {
  const kinds = Object.entries(exitOfOpenError);
  const table = markdownTable(Object.entries(exitReasons), [
    { title: "code", cell: ([, row]) => String(row.code) },
    { title: "meaning", cell: ([, row]) => row.meaning },
    { title: "what to do", cell: ([, row]) => row.hint },
    { title: "systemd restarts it", cell: ([, row]) => (row.restart ? "yes" : "**no**") },
    {
      title: "reasons not to open",
      cell: ([name]) =>
        kinds
          .filter(([, exit]) => exit === name)
          .map(([kind]) => code(kind))
          .join(" "),
    },
  ]);
  const never = Object.values(exitReasons).filter(({ restart }) => !restart);
  const unit = `RestartPreventExitStatus=${never.map((row) => String(row.code)).join(" ")}`;
  const text = `A service manager should not restart the daemon after the codes marked **no**: ${code(unit)}.`;
  return page("Exit codes of kvdbd", "src/daemon/exit-codes.ts", text, table);
}

function logEventsPage(): string {
  const rows: readonly (readonly [string, LogEventRow])[] = Object.entries(logEvents);
  const table = markdownTable(rows, [
    { title: "event", cell: ([name]) => code(name) },
    { title: "level", cell: ([, row]) => row.level },
    { title: "phrase in msg", cell: ([, row]) => code(row.msg) },
    { title: "when, and what to do", cell: ([, row]) => row.doc },
  ]);
  const text =
    "One JSON object per line on stderr, with `ts`, `level`, `msg`, `event` and the fields of the event. " +
    "A word in braces is replaced by that field. Keys, values and secrets are never logged.";
  return page("Log events", "src/observability/log-events.ts", text, table);
}

function metricsPage(): string {
  const rows: readonly MetricRow[] = Object.values(metricTable);
  const table = markdownTable(rows, [
    { title: "metric", cell: (row) => code(row.name) },
    { title: "kind", cell: (row) => row.kind },
    { title: "unit", cell: (row) => row.unit },
    { title: "labels", cell: (row) => Object.keys(row.labels).map(code).join(" ") },
    { title: "help", cell: (row) => row.help },
  ]);
  const text = "Served as text at `/metrics` of the HTTP listener (`KVDB_HTTP_LISTEN`).";
  return page("Metrics", "src/observability/metric-names.ts", text, table);
}

function errorsPage(): string {
  const codeNames = new Map<number, string>(
    Object.entries(statusCode).map(([name, number]) => [number, name]),
  );
  const rows: readonly (readonly [string, ReasonRow])[] = Object.entries(reasons);
  const table = markdownTable(rows, [
    { title: "reason", cell: ([name]) => code(name) },
    { title: "code", cell: ([, row]) => code(codeNames.get(row.code) ?? String(row.code)) },
    { title: "retry", cell: ([, row]) => row.retry },
    { title: "meaning", cell: ([, row]) => row.meaning },
  ]);
  const text =
    "Every refusal carries a `google.rpc.ErrorInfo` with the reason. Decide by the reason, never by the text. " +
    "The code is the usual one of the reason; a few cases send another where the gRPC conventions ask for it.";
  return page("Errors", "src/rpc/reasons.ts", text, table);
}
