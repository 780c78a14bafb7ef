import { ConfigError, InputError } from "@scale/core";
import {
  describeValue,
  formatIp,
  type IpBytes,
  isIpv4Mapped,
  maskIp,
  parseIpBytes,
  parseIp,
  parseOptions,
} from "@scale/core/kit";
import { z } from "zod";
import { entriesFromRight, forwardedFor } from "./forwarded.js";
import type { HttpFacts } from "../types.js";

/**
 * The hops that are trusted to name the hop before them. `"none"`: no hop, so that the peer address of the socket is the
 * client's. `hops`: number of proxies in front, the peer of the socket first. `proxies`: addresses of all of them, IPv4
 * and IPv6, also as CIDR.
 */
export type TrustRule = "none" | { hops: number } | { proxies: readonly string[] };

export interface ClientIpOptions {
  /** @default "none" */
  trust?: TrustRule;
  /**
   * Header that the trusted proxies write: `x-forwarded-for`, `forwarded` (RFC 7239), or one with a single address such
   * as `x-real-ip`.
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
 * Finds the address of the client behind proxies. Walks from the socket backwards, hop by hop, while the rule trusts the
 * current hop, and stops at an entry that is not an address: everything left of it may be forged. An entry that no
 * trusted proxy wrote is never used.
 * @returns a function that returns an address in canonical form, or `undefined` if not even the socket's is known
 * @throws {ConfigError} with the wrong option or CIDR
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

/** True if the hop at `distance` from this server may name the one before it; 0 is the peer of the socket. */
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
  const bytes = address.includes("%") ? undefined : parseIpBytes(address);
  const bits = suffix === undefined ? (bytes?.length ?? 0) * 8 : Number(suffix);
  if (bytes === undefined || bits > bytes.length * 8) {
    throw new ConfigError(`clientIp: trust.proxies: expected an address or CIDR, got ${describeValue(text)}`);
  }
  // Addresses that map IPv4 into IPv6 are compared as IPv4, so this network is converted too.
  return isIpv4Mapped(bytes) && bits >= 96 ? { bytes: bytes.slice(12), bits: bits - 96 } : { bytes, bits };
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

/** Number of leading bits of an address that identify its network. */
export interface PrefixBits {
  /** @default 32 */
  v4?: number;
  /** @default 56 */
  v6?: number;
}

/**
 * Returns the network of an address, as a key to count by: `203.0.113.7/32`, `2001:db8:0:100::/56`. One subscriber has a
 * whole IPv6 prefix and may use another address of it for each request.
 * Equal networks give equal strings, also for an IPv4 address in IPv6.
 * @throws {InputError} for a string that is not an address
 * @throws {ConfigError} for more bits than the address has
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
