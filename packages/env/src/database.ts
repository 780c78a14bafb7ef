import { readInteger, readSwitch } from "./fields.js";
import { parsePostgresUrl, parseReplicas } from "./postgres-url.js";
import type { Candidate, Reader, Reading } from "./reader.js";
import { settings } from "./table.js";
import type { DatabaseEnv, PoolEnv } from "./types.js";

/** Replaces an invalid primary, so that its replicas do not get a problem of their own. */
const ANY_PRIMARY = "postgresql://localhost";

/** Reads the primary, its replicas and their pools. `readReplicas` is the value of the switch. */
export function readDatabase(reader: Reader): { database: DatabaseEnv; readReplicas: boolean } {
  const primary = reader.read({ setting: "database.url", parse: parsePostgresUrl, fallback: undefined });
  const primaryUrl = primary.state === "invalid" ? ANY_PRIMARY : primary.value?.url;
  const replicas = reader.read({
    setting: "database.replicaUrls",
    parse: (raw) => parseReplicas(raw, primaryUrl),
    fallback: undefined,
  });
  const replicaUrls = replicas.value?.urls ?? [];
  const readReplicas = readSwitch(reader, "features.readReplicas", replicaUrls.length > 0);
  const database = {
    url: primary.value?.url,
    replicaUrls,
    pool: readPool(reader, "pool", limitsOf(primary)),
    replicaPool: readPool(reader, "replicaPool", limitsOf(replicas)),
    useReplicas: readReplicas && replicaUrls.length > 0,
  };
  return { database, readReplicas };
}

function limitsOf({ value, from: [from] }: Reading<{ limits: readonly string[] } | undefined>): Candidate[] {
  if (value === undefined || from === undefined) return [];
  return value.limits.map((raw) => ({ from: `${from}?connection_limit`, raw }));
}

function readPool(reader: Reader, pool: "pool" | "replicaPool", extraCandidates: readonly Candidate[]): PoolEnv {
  const max = readInteger(reader, { setting: `database.${pool}.max`, extraCandidates });
  const min = readInteger(reader, { setting: `database.${pool}.min`, maxDefault: max.value });
  if (min.state === "set" && max.state !== "invalid" && min.value > max.value) {
    const limit = max.state === "set" ? max.from.join(", ") : `the default of ${settings[`database.${pool}.max`].name}`;
    reader.addProblem(`${min.from.join(", ")}: expected at most ${max.value} (${limit}), got ${min.value}`);
  }
  return { max: max.value, min: min.value };
}
