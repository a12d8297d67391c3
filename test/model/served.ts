/** A server as a port needs it. */
export interface Served {
  readonly hasOwnTime: boolean;
  readonly address: string;
  nowMs(): number;
  /** Ends it in this way and starts it again on the same files. */
  restart(way: "stop" | "kill"): Promise<void>;
  passTime(ms: number): Promise<void>;
  close(): Promise<void>;
}
