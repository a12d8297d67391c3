/** Whether a request may make a namespace this large. Pure. */
import { EngineError } from "../../storage/errors.js";
import type { NamespaceSettings } from "../../storage/namespaces.js";

export interface Usage {
  readonly keys: number;
  readonly liveBytes: number;
}

/** Throws "quota". What makes the namespace smaller is always allowed, or nobody could make room. */
export function assertWithinQuota(settings: NamespaceSettings, before: Usage, after: Usage): void {
  check("quota_bytes", settings.quotaBytes, before.liveBytes, after.liveBytes);
  check("quota_keys", settings.quotaKeys, before.keys, after.keys);
}

function check(name: string, max: number | undefined, before: number, after: number): void {
  if (max === undefined || max === 0 || after <= max || after <= before) return;
  throw new EngineError("quota", `the namespace would exceed its ${name} of ${max}`, {
    hint: "delete keys, or raise the quota with NamespaceService/UpdateNamespace",
    facts: { quota: name, max: `${max}`, would_be: `${after}` },
  });
}
