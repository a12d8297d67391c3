/** How much the runs beside the model compare. */

/** 1 in CI; more by hand or at night: KVDB_MODEL_SCALE=20 compares twenty times as many. */
const scale = Number(process.env["KVDB_MODEL_SCALE"] ?? 1);

/** Of answers, or of schedules. */
export function scaledOperations(operations: number): number {
  return Math.ceil(operations * scale);
}
