import { MAX_DEPTH } from "./limits.js";

/**
 * Walks over bytes of MessagePack, with the records of msgpackr, and builds nothing.
 * Source: https://github.com/msgpack/msgpack/blob/master/spec.md, and "Record Structures" in the README of msgpackr
 * @throws {TypeError} for what `msgpackrCodec` does not write
 */
export function inspect(bytes: Uint8Array): void {
  const walk = new Walk(bytes);
  walk.value(0);
  if (walk.at !== bytes.length) throw refusal("there is more after the value");
}

const refusal = (why: string): TypeError => new TypeError(`not of this codec: ${why}`);

/** Bytes after a token that has a fixed number of them. */
const FIXED: Readonly<Record<number, number>> = {
  ...{ 0xc0: 0, 0xc2: 0, 0xc3: 0, 0xcb: 8, 0xcc: 1, 0xcd: 2, 0xce: 4, 0xcf: 8 },
  ...{ 0xd0: 1, 0xd1: 2, 0xd2: 4, 0xd3: 8 },
};
/** Tokens whose length follows, and how many bytes that has. */
const SIZED: Readonly<Record<number, { readonly is: "bytes" | "list" | "map" | "extension"; readonly width: number }>> =
  {
    ...{ 0xc4: { is: "bytes", width: 1 }, 0xc5: { is: "bytes", width: 2 }, 0xc6: { is: "bytes", width: 4 } },
    ...{
      0xc7: { is: "extension", width: 1 },
      0xc8: { is: "extension", width: 2 },
      0xc9: { is: "extension", width: 4 },
    },
    ...{ 0xd9: { is: "bytes", width: 1 }, 0xda: { is: "bytes", width: 2 }, 0xdb: { is: "bytes", width: 4 } },
    ...{ 0xdc: { is: "list", width: 2 }, 0xdd: { is: "list", width: 4 } },
    ...{ 0xde: { is: "map", width: 2 }, 0xdf: { is: "map", width: 4 } },
  };
const DATE = 0xff;
const SET = 0x73;
const TYPED_ARRAY = 0x74;
const RECORD = 0x72;
const UINT8 = 1;
const PROTO = "__proto__";

/** A class: one is made for each value, and its place moves with each byte. */
class Walk {
  at = 0;
  readonly #bytes: Uint8Array;
  /** How many values the records have that were defined. */
  readonly #records: Map<number, number> = new Map();

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  value(depth: number): void {
    const token = this.#byte();
    if (token < 0x40 || token >= 0xe0) return;
    if (token < 0x80) return this.#values(this.#sizeOf(token), depth);
    if (token < 0x90) return this.#values((token - 0x80) * 2, depth);
    if (token < 0xa0) return this.#values(token - 0x90, depth);
    if (token < 0xc0) return this.#skip(token - 0xa0);
    const fixed = FIXED[token];
    if (fixed !== undefined) return this.#skip(fixed);
    const sized = SIZED[token];
    if (sized === undefined) return this.#fixedExtension(token, depth);
    const size = this.#number(sized.width);
    if (sized.is === "bytes") return this.#skip(size);
    if (sized.is === "extension") return this.#extension(size);
    this.#values(sized.is === "map" ? size * 2 : size, depth);
  }

  /** Each value has a byte at least: a length that claims more ends where the bytes do. */
  #values(count: number, depth: number): void {
    if (depth >= MAX_DEPTH) throw refusal(`it is deeper than ${MAX_DEPTH}`);
    for (let i = 0; i < count; i++) this.value(depth + 1);
  }

  #sizeOf(id: number): number {
    const size = this.#records.get(id);
    if (size === undefined) throw refusal(`it has no record ${id}`);
    return size;
  }

  #fixedExtension(token: number, depth: number): void {
    const type = this.#byte();
    if (token === 0xd4 && type === RECORD) return this.#record(depth);
    if (token === 0xd4 && type === SET) return this.#set(depth);
    const isUndefined = token === 0xd4 && type === 0;
    const isDate = type === DATE && (token === 0xd4 || token === 0xd6 || token === 0xd7);
    if (!isUndefined && !isDate) throw refusal(`extension ${token} ${type}`);
    this.#skip(token === 0xd4 ? 1 : token === 0xd6 ? 4 : 8);
  }

  #extension(size: number): void {
    const type = this.#byte();
    const isBytes = type === TYPED_ARRAY && size > 0 && this.#bytes[this.at] === UINT8;
    if (!isBytes && !(type === DATE && size === 12)) throw refusal(`extension ${type} of ${size} bytes`);
    this.#skip(size);
  }

  #set(depth: number): void {
    this.#skip(1);
    this.#values(this.#listSize(), depth);
  }

  /** A definition, which the first object of its shape follows at once. */
  #record(depth: number): void {
    const id = this.#byte();
    if (id < 0x40 || id > 0x7f) throw refusal(`record ${id}`);
    const size = this.#listSize();
    for (let i = 0; i < size; i++) this.#name();
    this.#records.set(id, size);
    this.#values(size, depth);
  }

  #listSize(): number {
    const token = this.#byte();
    if (token >= 0x90 && token < 0xa0) return token - 0x90;
    const sized = SIZED[token];
    if (sized?.is !== "list") throw refusal(`${token} in the place of a list`);
    return this.#number(sized.width);
  }

  #name(): void {
    const token = this.#byte();
    const isShort = token >= 0xa0 && token < 0xc0;
    if (!isShort && (token < 0xd9 || token > 0xdb)) throw refusal(`${token} in the place of a name`);
    const size = isShort ? token - 0xa0 : this.#number(SIZED[token]?.width ?? 0);
    const from = this.at;
    this.#skip(size);
    if (size !== PROTO.length || this.#bytes[from] !== 0x5f) return;
    const name = Buffer.from(this.#bytes.subarray(from, this.at)).toString("latin1");
    if (name === PROTO) throw refusal(`it has a property ${PROTO}`);
  }

  #byte(): number {
    const byte = this.#bytes[this.at++];
    if (byte === undefined) throw refusal("it is cut off");
    return byte;
  }

  /** Big-endian. */
  #number(width: number): number {
    let number = 0;
    for (let i = 0; i < width; i++) number = number * 256 + this.#byte();
    return number;
  }

  #skip(count: number): void {
    this.at += count;
    if (this.at > this.#bytes.length) throw refusal("it is cut off");
  }
}
