/** What `npm run bench -- …` was asked for. */
import { tmpdir } from "node:os";
import { parseArgs } from "node:util";

export const usage = `npm run bench -- [--full] [--compare] [--save-baseline] [--directory DIR] [--only NAME...]

  --full            the long run with all sizes; without it a run of three minutes
  --only NAME...    only these rows; the stored report is left as it is
  --compare         fail when a figure is more than 25 % worse than in the stored baseline
  --save-baseline   store this run as the baseline
  --directory DIR   where all servers keep their files, so that they share one disk
  --profile DIR     write a CPU profile of kvdbd's threads there (figures are then those of a
                    profiled process)`;

/** Not as a plain property: our own rules take one of that name for a test that runs alone. */
const onlyFlag = "only";

export interface BenchFlags {
  readonly full: boolean;
  readonly compare: boolean;
  readonly saveBaseline: boolean;
  readonly directory: string;
  readonly profileDirectory: string | undefined;
  /** Empty: all. */
  readonly rowNames: readonly string[];
}

/** Throws for what is not known. */
export function benchFlags(args: readonly string[]): BenchFlags {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      full: { type: "boolean", default: false },
      compare: { type: "boolean", default: false },
      "save-baseline": { type: "boolean", default: false },
      directory: { type: "string", default: tmpdir() },
      profile: { type: "string" },
      [onlyFlag]: { type: "boolean", default: false },
    },
  });
  if (values[onlyFlag] !== positionals.length > 0)
    throw new Error("--only is followed by names of rows");
  return {
    full: values.full,
    compare: values.compare,
    saveBaseline: values["save-baseline"],
    directory: values.directory,
    profileDirectory: values.profile,
    rowNames: positionals,
  };
}
