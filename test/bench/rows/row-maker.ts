/** A row of the report before it was measured. */
import type { Row } from "../report/row.js";
import type { Bench } from "./bench.js";

export interface RowMaker {
  /** What `--only` names; rows made together share it. */
  readonly id: string;
  /** Whether etcd and Redis are measured too, and must be there. */
  readonly peers: boolean;
  measure(bench: Bench): Promise<readonly Row[]>;
}

/** A closed loop over eight connections. */
export function inFlight(perConnection: number): {
  readonly connections: number;
  readonly pace: { readonly kind: "closed"; readonly inFlight: number };
} {
  return { connections: 8, pace: { kind: "closed", inFlight: perConnection } };
}

/** An open loop over eight connections, at half of what the slower of two systems can do. */
export function halfOf(rates: readonly number[]): {
  readonly connections: number;
  readonly pace: { readonly kind: "open"; readonly requestsPerSecond: number };
} {
  const requestsPerSecond = Math.max(1, Math.floor(Math.min(...rates) / 2));
  return { connections: 8, pace: { kind: "open", requestsPerSecond } };
}
