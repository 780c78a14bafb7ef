import { formatIp, maskIp, parseIp } from "@scale/core/kit";
import type { RateLimitSubject } from "./types.js";

/** A subject in the form that is counted. */
export interface CountedSubject {
  readonly tenantId?: string;
  readonly userId?: string;
  readonly ip?: string;
  readonly keys?: RateLimitSubject["keys"];
}

export const DEFAULT_IPV6_PREFIX = 56;

/**
 * Brings subjects into the form that is counted, the same for every call of a limiter and its guards: a client that a guard
 * denies by its IPv6 prefix is the client that `reset({ ip })` frees.
 */
export function subjectNormalizer(ipv6Prefix: number): (subject: RateLimitSubject) => CountedSubject {
  return (subject) => {
    const { tenantId, userId, ip, keys } = subject;
    // Nearly every subject is counted as it is.
    if (isCounted(tenantId) && isCounted(userId) && isCounted(ip) && !mayBeNetwork(ip)) {
      return subject as CountedSubject;
    }
    return {
      ...(isId(tenantId) && { tenantId }),
      ...(isId(userId) && { userId }),
      ...(isId(ip) && { ip: countedAddress(ip, ipv6Prefix) }),
      ...(keys !== undefined && { keys }),
    };
  };
}

// `null` is an id that a row of a database does not have: the same as none.
const isCounted = <T>(id: T | null): id is T => id !== null;
const isId = <T>(id: T | null | undefined): id is T => id !== null && id !== undefined;

/** True for IPv6, and for a network such as `ipPrefix` of `@scale/http` returns it. */
const mayBeNetwork = (ip: string | undefined): boolean =>
  typeof ip === "string" && (ip.includes(":") || ip.includes("/"));

/**
 * The address as it is counted: IPv4 as it is, also when IPv6 carries it or as a network of one address; IPv6 as the network
 * of its first `ipv6Prefix` bits, because a subscriber owns a whole prefix. A larger network, and a string that is not an
 * address, stay as they are.
 */
function countedAddress(ip: string, ipv6Prefix: number): string {
  if (typeof ip !== "string") return ip;
  const [, address = "", suffix] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(ip) ?? [];
  const bytes = parseIp(address);
  if (bytes === undefined) return ip;
  const length = bytes.length * 8;
  const given = suffix === undefined ? length : Number(suffix);
  if (given > length) return ip;
  const bits = length === 128 ? Math.min(given, ipv6Prefix) : given;
  return bits === 32 && length === 32 ? formatIp(bytes) : `${formatIp(maskIp(bytes, bits))}/${bits}`;
}
