import { ConfigError, InputError } from "@scale/core";
import { parseOptions, describeValue } from "@scale/core/kit";
import { z } from "zod";
import { entriesFromRight, forwardedFor } from "./forwarded.js";
import { formatIp, type IpBytes, isMapped, maskIp, parseBytes, parseIp } from "./ip.js";
import type { HttpFacts } from "../types.js";

/**
 * Which hops may say whom they forward for. `"none"`: nobody, the socket's address counts. `hops`: that many proxies
 * stand in front, the socket's other end is the first. `proxies`: the addresses (CIDR, IPv4 and IPv6) of all of them.
 */
export type TrustRule = "none" | { hops: number } | { proxies: readonly string[] };

export interface ClientIpOptions {
  /** @default "none" */
  trust?: TrustRule;
  /**
   * The header that the trusted proxies write: `x-forwarded-for`, `forwarded` (RFC 7239), or one that holds a single
   * address such as `x-real-ip`.
   * @default "x-forwarded-for"
   */
  header?: string;
}

const optionsSchema = z.strictObject({
  trust: z
    .union(
      [
        z.literal("none"),
        z.strictObject({ hops: z.int().positive() }),
        z.strictObject({ proxies: z.array(z.string()).min(1) }),
      ],
      'expected "none", { hops: 1 } with the number of proxies, or { proxies: ["10.0.0.0/8"] } with their addresses',
    )
    .default("none"),
  header: z
    .string("expected a header name")
    .regex(/^[\w-]+$/, "expected a header name")
    .default("x-forwarded-for"),
});

/**
 * Finds the address of the client behind proxies. Walks from the socket backwards, hop by hop, as long as the rule
 * trusts the hop it stands on, and stops in front of an entry that is not an address: everything left of it may be
 * invented. What no proxy wrote is never believed.
 * @returns a function to an address in canonical text, `undefined` where even the socket's is not known
 * @throws {ConfigError} that names the wrong option or CIDR
 */
export function clientIp(options: ClientIpOptions = {}): (facts: HttpFacts) => string | undefined {
  const { trust, header } = parseOptions(optionsSchema, options, "clientIp");
  const trusts = trustOf(trust);
  const addressIn = header.toLowerCase() === "forwarded" ? forwardedFor : (entry: string) => entry;

  return (facts) => {
    let address = parseIp(facts.remoteAddress ?? "");
    if (!trusts(address, 0)) return address && formatIp(address);
    let distance = 0;
    for (const entry of entriesFromRight(facts.header(header) ?? "")) {
      const next = parseIp(withoutPort(addressIn(entry).trim()));
      if (next === undefined) break;
      address = next;
      distance += 1;
      if (!trusts(address, distance)) break;
    }
    return address && formatIp(address);
  };
}

/** True when the hop at `distance` from us, 0 being the socket's other end, may name the one before it. */
type Trusts = (address: IpBytes | undefined, distance: number) => boolean;

function trustOf(trust: TrustRule): Trusts {
  if (trust === "none") return () => false;
  if ("hops" in trust) return (_, distance) => distance < trust.hops;
  const networks = trust.proxies.map(parseCidr);
  return (address) => address !== undefined && networks.some((network) => contains(network, address));
}

interface Network {
  readonly bytes: IpBytes;
  readonly bits: number;
}

function parseCidr(text: string): Network {
  const [, address = "", suffix] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const bytes = address.includes("%") ? undefined : parseBytes(address);
  const bits = suffix === undefined ? (bytes?.length ?? 0) * 8 : Number(suffix);
  if (bytes === undefined || bits > bytes.length * 8) {
    throw new ConfigError(`clientIp: trust.proxies: expected an address or CIDR, got ${describeValue(text)}`);
  }
  // Addresses are compared as IPv4 where they are IPv4 in IPv6, so this network is as well.
  return isMapped(bytes) && bits >= 96 ? { bytes: bytes.slice(12), bits: bits - 96 } : { bytes, bits };
}

function contains({ bytes, bits }: Network, address: IpBytes): boolean {
  if (bytes.length !== address.length) return false;
  const network = maskIp(bytes, bits);
  return maskIp(address, bits).every((byte, index) => byte === network[index]);
}

// `1.2.3.4:80`, `[2001:db8::1]:80`, `[2001:db8::1]`; an IPv6 address without brackets has no port.
function withoutPort(entry: string): string {
  return /^\[([^\]]*)\](?::\d+)?$/.exec(entry)?.[1] ?? /^([\d.]+):\d+$/.exec(entry)?.[1] ?? entry;
}

/** How many of an address' first bits make the network that is counted. */
export interface PrefixBits {
  /** @default 32 */
  v4?: number;
  /** @default 56 */
  v6?: number;
}

/**
 * The network of an address, to count by: `203.0.113.7/32`, `2001:db8:0:100::/56`. One subscriber holds a whole IPv6
 * prefix and may send each request from another address in it.
 * Equal networks give equal text, also for an IPv4 address in IPv6.
 * @throws {InputError} for a text that is not an address
 * @throws {ConfigError} for bits that the address does not have
 */
export function ipPrefix(ip: string, { v4 = 32, v6 = 56 }: PrefixBits = {}): string {
  const bytes = parseIp(ip);
  if (bytes === undefined) throw new InputError(`ip: expected an IPv4 or IPv6 address, got ${describeValue(ip)}`);
  const bits = bytes.length === 4 ? v4 : v6;
  if (!Number.isInteger(bits) || bits < 0 || bits > bytes.length * 8) {
    throw new ConfigError(`ipPrefix: bits: expected 0 to ${bytes.length * 8}, got ${describeValue(bits)}`);
  }
  return `${formatIp(maskIp(bytes, bits))}/${bits}`;
}
