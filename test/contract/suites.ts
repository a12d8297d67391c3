/** Every case of the contract, for one runner. */
import { adminCases } from "./cases/admin.js";
import { bulkCases } from "./cases/bulk.js";
import { leaseCases } from "./cases/leases.js";
import { limitCases } from "./cases/limits.js";
import { mutationCases } from "./cases/mutations.js";
import { pointCases } from "./cases/point.js";
import { rangeCases } from "./cases/ranges.js";
import { closedNamespaceCases, refusalCases } from "./cases/refusals.js";
import { type Runner, runCases } from "./runner.js";

export function contractSuites(runner: Runner): void {
  runCases(runner, "single keys", pointCases);
  runCases(runner, "writes", mutationCases);
  runCases(runner, "ranges", rangeCases);
  runCases(runner, "bulk loads", bulkCases);
  runCases(runner, "limits", limitCases);
  runCases(runner, "refusals", refusalCases);
  runCases(runner, "lifetimes and leases", leaseCases);
  runCases(runner, "administration", adminCases);
  runCases(runner, "namespaces that are not made by writing", closedNamespaceCases, {
    namespaceAutoCreate: false,
  });
}
