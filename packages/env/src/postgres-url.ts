import { HIDDEN, isBareHost, mask } from "./mask.js";
import { parseUrl, InvalidValue } from "./values.js";

export interface PostgresUrl {
  /** The URL as written, without `connection_limit`: some clients refuse that parameter. */
  readonly url: string;
  /** The values of `connection_limit`. */
  readonly limits: readonly string[];
}

export interface ReplicaUrls {
  readonly urls: readonly string[];
  readonly limits: readonly string[];
}

/** @returns `undefined` for anything but a Postgres URL */
export function parsePostgresUrl(raw: string): PostgresUrl | undefined {
  if (parseUrl("postgres", raw) === undefined) return undefined;
  const limits = parametersOf(raw)
    .filter((parameter) => nameOf(parameter) === "connection_limit")
    .map((parameter) => parameter.slice("connection_limit=".length));
  return { url: withoutParameters(raw, ["connection_limit"]), limits };
}

/**
 * Reads a comma-separated list of URLs and host names.
 * @param primary URL from which host names take user, password, database, parameters and, unless they have one, the port
 */
export function parseReplicas(raw: string, primary: string | undefined): ReplicaUrls | InvalidValue {
  const items = raw
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
  if (items.length === 0) return new InvalidValue(raw);
  const found: PostgresUrl[] = [];
  const wrong: string[] = [];
  const incomplete: string[] = [];
  for (const item of items) {
    const bare = isBareHost(item);
    if (bare && primary === undefined) incomplete.push(item);
    const replica = bare ? { url: onHost(item, primary ?? ""), limits: [] } : parsePostgresUrl(item);
    if (replica === undefined) wrong.push(item);
    else found.push(replica);
  }
  if (wrong.length > 0) return new InvalidValue(mask("replicas", wrong.join(",")));
  // A word that could be a host name could be a secret too.
  if (incomplete.length > 0) {
    return new InvalidValue(incomplete.map(() => HIDDEN).join(","), "URLs, or DATABASE_URL beside host names");
  }
  return { urls: found.map(({ url }) => url), limits: found.flatMap(({ limits }) => limits) };
}

/** Replaces the host of the primary's URL. Works on the string, so that credentials are not decoded and encoded again. */
function onHost(host: string, primary: string): string {
  const [, start = "", primaryHost = "", rest = ""] = /^([^/]*\/\/(?:[^/?]*@)?)([^/?]*)(.*)$/.exec(primary) ?? [];
  const port = /:\d+$/;
  const inherited = port.test(host) ? "" : (port.exec(primaryHost)?.[0] ?? "");
  // These parameters would send the replica's connections to the primary.
  return withoutParameters(`${start}${host}${inherited}${rest}`, ["host", "port"]);
}

const nameOf = (parameter: string): string => parameter.split("=", 1)[0] ?? "";

function parametersOf(url: string): string[] {
  const at = url.indexOf("?");
  return at === -1 ? [] : url.slice(at + 1).split("&");
}

function withoutParameters(url: string, names: readonly string[]): string {
  const kept = parametersOf(url).filter((parameter) => !names.includes(nameOf(parameter)));
  const [base = url] = url.split("?", 1);
  return kept.length === 0 ? base : `${base}?${kept.join("&")}`;
}
