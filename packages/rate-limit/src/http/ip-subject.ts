import { isIPv6 } from "node:net";
import { type HttpFacts, ipPrefix } from "@scale/http";
import type { RateLimitSubject } from "../types.js";

/** A preflight asks for a request that may come. Source: Fetch standard, section 4.8. */
export function isPreflight(facts: HttpFacts): boolean {
  return facts.method === "OPTIONS" && facts.header("access-control-request-method") !== undefined;
}

/** The subject with the network in place of an IPv6 address. An address of IPv4 in IPv6 is IPv4. */
export function counted(subject: RateLimitSubject, v6: number): RateLimitSubject {
  const { ip } = subject;
  if (ip === undefined || !isIPv6(ip)) return subject;
  const network = ipPrefix(ip, { v6 });
  return { ...subject, ip: network.includes(":") ? network : network.slice(0, -"/32".length) };
}
