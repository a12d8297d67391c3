/**
 * The processor time of a server, all its threads: what remains comparable when client and server
 * share two cores with others. Linux only; read from the scheduler's own nanoseconds where the
 * kernel keeps them, otherwise from ticks of 10 ms.
 */
import { readdirSync, readFileSync } from "node:fs";

export interface CpuTime {
  readonly allMicros: number;
  /** Of the thread that the process began with: Node's event loop. */
  readonly mainMicros: number;
}

const microsPerTick = 10_000;

/**
 * Time used since the process began. What a thread had used that has ended is in `allMicros` only
 * where ticks are read: compare two moments between which no thread ends.
 */
export function cpuTimeOf(pid: number): CpuTime {
  const threads = readdirSync(`/proc/${String(pid)}/task`);
  const byScheduler = threads.map((thread) => schedulerMicros(pid, thread));
  const main = byScheduler[threads.indexOf(String(pid))];
  if (main === undefined || byScheduler.includes(undefined)) return ticksOf(pid);
  return {
    allMicros: byScheduler.reduce<number>((sum, part) => sum + (part ?? 0), 0),
    mainMicros: main,
  };
}

export function cpuBetween(before: CpuTime, after: CpuTime): CpuTime {
  return {
    allMicros: after.allMicros - before.allMicros,
    mainMicros: after.mainMicros - before.mainMicros,
  };
}

function schedulerMicros(pid: number, thread: string): number | undefined {
  try {
    const text = readFileSync(`/proc/${String(pid)}/task/${thread}/schedstat`, "utf8");
    return Number(text.split(" ")[0]) / 1_000;
  } catch (error) {
    // The thread has ended between the listing and the reading; its time is gone with it.
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return 0;
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function ticksOf(pid: number): CpuTime {
  const micros = (file: string): number => {
    const text = readFileSync(file, "utf8");
    // The name of the command may hold spaces; the fields after its bracket do not.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) * microsPerTick;
  };
  const directory = `/proc/${String(pid)}`;
  return {
    allMicros: micros(`${directory}/stat`),
    mainMicros: micros(`${directory}/task/${String(pid)}/stat`),
  };
}
