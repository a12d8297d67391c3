/** An address of the settings, as the transport and people write it. */
import type { ListenAddress } from "../config/setting-row.js";

export function addressText(address: ListenAddress): string {
  if (address.kind === "unix") return `unix:${address.path}`;
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  return `${host}:${String(address.port)}`;
}
