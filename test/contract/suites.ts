/** Every case of the contract, for one runner. */
import assert from "node:assert/strict";
import { adminCases } from "./cases/admin.js";
import { bulkCases } from "./cases/bulk.js";
import { leaseCases } from "./cases/leases.js";
import { limitCases } from "./cases/limits.js";
import { mutationCases } from "./cases/mutations.js";
import { pipelineCases } from "./cases/pipeline.js";
import { pointCases } from "./cases/point.js";
import { rangeCases } from "./cases/ranges.js";
import { closedNamespaceCases, refusalCases } from "./cases/refusals.js";
import { watchCases } from "./cases/watch.js";
import { type Cases, type Runner, runCases, type TargetOptions } from "./runner.js";

const suites: readonly {
  readonly title: string;
  readonly cases: Cases;
  readonly options?: TargetOptions;
}[] = [
  { title: "single keys", cases: pointCases },
  { title: "writes", cases: mutationCases },
  { title: "ranges", cases: rangeCases },
  { title: "bulk loads", cases: bulkCases },
  { title: "pipelines", cases: pipelineCases },
  { title: "limits", cases: limitCases },
  { title: "refusals", cases: refusalCases },
  { title: "lifetimes and leases", cases: leaseCases },
  { title: "watches", cases: watchCases },
  { title: "administration", cases: adminCases },
  {
    title: "namespaces that are not made by writing",
    cases: closedNamespaceCases,
    options: { namespaceAutoCreate: false },
  },
];

export function contractSuites(runner: Runner): void {
  for (const { title, cases, options } of suites) {
    assert.ok(Object.keys(cases).length > 0, `${title} has cases`);
    runCases(runner, title, cases, options);
  }
}
