/** What the command line tool reads from the environment, and what it hands on to a daemon. */

export interface ClientEnvironment {
  /** KVDB_ADDRESS. Empty counts as not set, as for the daemon's settings. */
  readonly address: string | undefined;
}

export function clientEnvironment(env: NodeJS.ProcessEnv = process.env): ClientEnvironment {
  const address = env["KVDB_ADDRESS"]?.trim();
  return { address: address === "" ? undefined : address };
}

/**
 * The environment without any setting of kvdb: for a private daemon, which must not open the store
 * that the shell's settings are about.
 */
export function environmentWithoutSettings(
  env: NodeJS.ProcessEnv = process.env,
): Readonly<NodeJS.ProcessEnv> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith("KVDB_")));
}
