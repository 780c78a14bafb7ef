import { isIPv6 } from "node:net";
import { type HttpFacts, ipPrefix } from "@scale/http";
import type { RateLimitSubject } from "../types.js";

/** True for a CORS preflight. Source: Fetch standard, section 4.8. */
export function isPreflight(facts: HttpFacts): boolean {
  return facts.method === "OPTIONS" && facts.header("access-control-request-method") !== undefined;
}

/** The subject with an IPv6 address replaced by its network. An IPv4-mapped address becomes IPv4. */
export function withIpv6Prefix(subject: RateLimitSubject, bits: number): RateLimitSubject {
  const { ip } = subject;
  if (ip === undefined || !isIPv6(ip)) return subject;
  const network = ipPrefix(ip, { v6: bits });
  return { ...subject, ip: network.includes(":") ? network : network.slice(0, -"/32".length) };
}
