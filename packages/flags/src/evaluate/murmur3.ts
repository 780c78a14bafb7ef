/**
 * Hash state after a constant prefix: a flag hashes its salt once, and then only the id of each subject.
 * A prefix of any length works, also one that ends within a block of four bytes.
 */
export interface HashPrefix {
  readonly h: number;
  /** Bytes that do not fill a block yet, the first one lowest. */
  readonly tail: number;
  /** Number of bits in `tail`: 0, 8, 16 or 24. */
  readonly tailBits: number;
  readonly bytes: number;
}

/** Hashes a prefix once. `murmur3(hashPrefix(a, seed), b)` is the hash of `a + b` for well-formed strings. */
export function hashPrefix(text: string, seed = 0): HashPrefix {
  const bytes = new TextEncoder().encode(text);
  const full = bytes.length & ~3;
  let h = seed | 0;
  for (let i = 0; i < full; i += 4) h = mixBlock(h, blockOf(bytes, i, 4));
  const tailBytes = bytes.length - full;
  return { h, tail: blockOf(bytes, full, tailBytes), tailBits: 8 * tailBytes, bytes: bytes.length };
}

// oxlint-disable-next-line max-params -- a range of bytes
function blockOf(bytes: Uint8Array, from: number, count: number): number {
  let block = 0;
  for (let i = 0; i < count; i++) block |= (bytes[from + i] ?? 0) << (8 * i);
  return block;
}

function mixBlock(h: number, block: number): number {
  const mixed = h ^ scramble(block);
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}

function scramble(block: number): number {
  const k = Math.imul(block, 0xcc9e2d51);
  return Math.imul((k << 15) | (k >>> 17), 0x1b873593);
}

/**
 * MurmurHash3, x86, 32 bits, of the UTF-8 bytes of the prefix and the text. Allocates nothing.
 * A lone surrogate counts as U+FFFD, as `TextEncoder` writes it.
 * Source: https://github.com/aappleby/smhasher, MurmurHash3.cpp
 * @returns the hash as a signed integer, because V8 would allocate a number of 2^31 or more; `>>> 0` makes it unsigned
 */
export const murmur3: (prefix: HashPrefix, text: string) => number = hashWith(String.prototype.charCodeAt);

/**
 * `text.charCodeAt` is not inlined, and takes five times as long, as soon as any module of the process has a class that extends
 * String, as ioredis 6 does. A parameter that is never assigned is a constant to the engine, as no variable of a bundle is.
 */
function hashWith(charCodeAt: (this: string, index: number) => number): typeof murmur3 {
  return (prefix, text) => {
    const { length } = text;
    const { tailBits } = prefix;
    let { h, tail } = prefix;
    let i = 0;
    // Four ASCII characters at once, since ids mostly consist of them. A word leaves the number of bits in the tail as it is.
    for (const end = length & ~3; i < end; i += 4) {
      const a = charCodeAt.call(text, i);
      const b = charCodeAt.call(text, i + 1);
      const c = charCodeAt.call(text, i + 2);
      const d = charCodeAt.call(text, i + 3);
      if ((a | b | c | d) >= 0x80) return murmur3Utf8(prefix, text);
      const word = a | (b << 8) | (c << 16) | (d << 24);
      h = mixBlock(h, tail | (word << tailBits));
      tail = tailBits === 0 ? 0 : word >>> (32 - tailBits);
    }
    let rest = 0;
    let bits = 0;
    for (; i < length; i++) {
      const code = charCodeAt.call(text, i);
      if (code >= 0x80) return murmur3Utf8(prefix, text);
      rest |= code << bits;
      bits += 8;
    }
    tail |= rest << tailBits;
    bits += tailBits;
    if (bits >= 32) {
      h = mixBlock(h, tail);
      tail = rest >>> (32 - tailBits);
      bits -= 32;
    }
    if (bits > 0) h ^= scramble(tail);
    return finish(h ^ (prefix.bytes + length));
  };
}

/** The same for any text, byte by byte. */
function murmur3Utf8(prefix: HashPrefix, text: string): number {
  let { h, tail, tailBits, bytes } = prefix;
  for (let i = 0; i < text.length; i++) {
    const code = scalarAt(text, i);
    if (code > 0xffff) i++;
    let count = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    let utf8 = packUtf8(code, count);
    bytes += count;
    for (; count > 0; count--) {
      tail |= (utf8 & 0xff) << tailBits;
      utf8 >>>= 8;
      tailBits += 8;
      if (tailBits === 32) {
        h = mixBlock(h, tail);
        tail = 0;
        tailBits = 0;
      }
    }
  }
  if (tailBits > 0) h ^= scramble(tail);
  return finish(h ^ bytes);
}

function scalarAt(text: string, at: number): number {
  const code = text.codePointAt(at) ?? 0;
  return code >= 0xd800 && code <= 0xdfff ? 0xfffd : code;
}

/** The bytes of a code point in one integer, the first byte lowest. */
function packUtf8(code: number, count: number): number {
  if (count === 1) return code;
  const last = 0x80 | (code & 0x3f);
  if (count === 2) return 0xc0 | (code >> 6) | (last << 8);
  const third = 0x80 | ((code >> 6) & 0x3f);
  if (count === 3) return 0xe0 | (code >> 12) | (third << 8) | (last << 16);
  return 0xf0 | (code >> 18) | ((0x80 | ((code >> 12) & 0x3f)) << 8) | (third << 16) | (last << 24);
}

function finish(hash: number): number {
  let h = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
