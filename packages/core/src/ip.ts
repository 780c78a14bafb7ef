import { isIPv4, isIPv6 } from "node:net";

/** An address as its 4 or 16 bytes. */
export type IpBytes = readonly number[];

const MAPPED: IpBytes = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/**
 * Reads an address without port or brackets. A zone id is dropped; an IPv4 address in IPv6 (`::ffff:1.2.3.4`) is IPv4.
 * @returns `undefined` for anything else
 */
export function parseIp(text: string): IpBytes | undefined {
  const bytes = parseIpBytes(text);
  return bytes !== undefined && isIpv4Mapped(bytes) ? bytes.slice(12) : bytes;
}

/** `parseIp` without the conversion of an IPv4 address in IPv6. */
export function parseIpBytes(text: string): IpBytes | undefined {
  if (isIPv4(text)) return text.split(".").map(Number);
  return isIPv6(text) ? ipv6Bytes(text.split("%", 1)[0] ?? "") : undefined;
}

export const isIpv4Mapped = (bytes: IpBytes): boolean =>
  bytes.length === 16 && MAPPED.every((byte, index) => bytes[index] === byte);

// The caller has checked with node:net that the string is an address.
function ipv6Bytes(text: string): IpBytes {
  const [head = "", tail] = text.split("::");
  const left = groups(head);
  if (tail === undefined) return left;
  const right = groups(tail);
  return [...left, ...Array.from({ length: 16 - left.length - right.length }, () => 0), ...right];
}

function groups(text: string): number[] {
  if (text === "") return [];
  return text.split(":").flatMap((group) => {
    if (group.includes(".")) return group.split(".").map(Number);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}

/**
 * Formats an address in its canonical form.
 * Source: RFC 5952.
 */
export function formatIp(bytes: IpBytes): string {
  if (bytes.length === 4) return bytes.join(".");
  const words = Array.from({ length: 8 }, (_, index) => ((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0));
  const { start, length } = longestZeros(words);
  const hex = (part: number[]): string => part.map((word) => word.toString(16)).join(":");
  if (length < 2) return hex(words);
  return `${hex(words.slice(0, start))}::${hex(words.slice(start + length))}`;
}

function longestZeros(words: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < words.length; start++) {
    const next = words.findIndex((word, index) => index >= start && word !== 0);
    const length = (next === -1 ? words.length : next) - start;
    if (length > best.length) best = { start, length };
  }
  return best;
}

/** Sets all but the first `bits` bits of an address to zero. */
export function maskIp(bytes: IpBytes, bits: number): IpBytes {
  return bytes.map((byte, index) => {
    const kept = Math.min(8, Math.max(0, bits - index * 8));
    return byte & (0xff << (8 - kept));
  });
}
