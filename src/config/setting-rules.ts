/** What no single setting can know: how values must relate, and what production thinks of them. */
import { isLocal, printSetting } from "./setting-value.js";
import { type Config, settingRows, settings } from "./settings.js";

const messageOverheadBytes = 1024 * 1024;
const supervisorPatienceMs = 30_000;

export interface Risk {
  readonly env: string;
  readonly risk: string;
}

/** Each a line as for a single wrong value. */
export function crossProblems(config: Config): readonly string[] {
  const problems: string[] = [];
  const value = settings.valueBytesMax.env;
  const least = config.valueBytesMax + messageOverheadBytes;
  if (config.messageBytesMax < least) {
    const name = `${settings.messageBytesMax.env}=${String(config.messageBytesMax)}`;
    problems.push(`${name}: must be at least ${String(least)} (${value} + 1 MiB)`);
  }
  if (config.walSoftLimitBytes >= config.walHardLimitBytes) {
    const soft = `${settings.walSoftLimitBytes.env}=${String(config.walSoftLimitBytes)}`;
    const hard = `${settings.walHardLimitBytes.env}=${String(config.walHardLimitBytes)}`;
    problems.push(`${soft}: must be below ${hard}`);
  }
  return problems;
}

/** Values that the production profile refuses, or warns of, as lines. None in other profiles. */
export function productionFindings(config: Config, rule: "refused" | "warned"): readonly string[] {
  return productionRisks(config, rule).map(
    ({ env, value, risk }) => `${env}=${value}: refused by the production profile: ${risk}`,
  );
}

/** What is allowed and worth a warning at every start. */
export function risks(config: Config): readonly Risk[] {
  const found: Risk[] = [...productionRisks(config, "warned")];
  if (config.shutdownDrainMs + config.busyTimeoutMs > supervisorPatienceMs) {
    found.push({
      env: settings.shutdownDrainMs.env,
      risk: `with ${settings.busyTimeoutMs.env} a stop may take longer than 30 s and be forced`,
    });
  }
  if (config.profile === "production" && !config.listen.every(isLocal)) {
    found.push({
      env: settings.listen.env,
      risk: "calls from other machines are neither encrypted nor authenticated",
    });
  }
  return found;
}

function productionRisks(
  config: Config,
  rule: "refused" | "warned",
): readonly (Risk & { readonly value: string })[] {
  if (config.profile !== "production") return [];
  return settingRows.flatMap(([id, row]) => {
    const value = printSetting(config[id]) ?? "";
    const hit = row.inProduction?.find((one) => one.rule === rule && one.value === value);
    return hit === undefined ? [] : [{ env: row.env, value, risk: hit.risk }];
  });
}
