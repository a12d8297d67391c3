/** What the values of one batch may be together. */
import { EngineError } from "../../storage/errors.js";
import { batchReadBytesMax } from "../../storage/limits.js";

/** Told of value after value, throws "limit-exceeded" when they are too much for one answer. */
export function batchBytes(keys: number): (more: number) => void {
  let bytes = 0;
  return (more) => {
    bytes += more;
    if (bytes <= batchReadBytesMax || keys === 1) return;
    throw new EngineError(
      "limit-exceeded",
      `one batch may read at most ${batchReadBytesMax} bytes of values`,
      {
        hint: "ask for fewer keys at once, or use Scan",
        facts: { limit: "batch_read_bytes", max: `${batchReadBytesMax}` },
      },
    );
  };
}
