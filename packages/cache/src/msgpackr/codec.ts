import type { Codec } from "../definition/codec.js";
import { findUnpackable } from "./find-unpackable.js";
import { inspect } from "./inspect.js";
import { MAX_BYTES } from "./limits.js";

interface Packr {
  pack(value: unknown): Uint8Array;
  unpack(bytes: Uint8Array): unknown;
}

/** What we use of msgpackr 2: `import * as msgpackr from "msgpackr"`. Its native addon is not needed. */
export interface MsgpackrModule {
  readonly Packr: new (options: {
    moreTypes: boolean;
    mapsAsObjects: boolean;
    copyBuffers: boolean;
    useToJSON: boolean;
  }) => Packr;
}

/**
 * A codec that writes the keys of objects of one shape once, for long lists of equal rows.
 *
 * Comes back as it was: `undefined`, numbers but -0, bigints of 64 bits, well-formed strings, arrays, plain objects, `Map`,
 * `Set`, `Date`, `Buffer` and `Uint8Array`. Anything else is refused, with a `TypeError` that says where it is.
 *
 * A text that it did not write is not read: its bytes are checked before msgpackr sees them, so that what they claim of
 * lengths, depth, types and property names does no harm.
 */
export function msgpackrCodec({ Packr }: MsgpackrModule): Codec<unknown> {
  const packr = new Packr({ moreTypes: true, mapsAsObjects: false, copyBuffers: true, useToJSON: false });
  return {
    encode(value) {
      const found = findUnpackable(value);
      if (found !== undefined) throw new TypeError(`${found}, which does not come back as it is`);
      const { buffer, byteOffset, byteLength } = packr.pack(value);
      if (byteLength > MAX_BYTES) throw new TypeError(`the value has ${byteLength} bytes, more than ${MAX_BYTES}`);
      // A character for each byte: what is ASCII in the value takes one byte in Redis, and compresses as such.
      return Buffer.from(buffer, byteOffset, byteLength).toString("latin1");
    },
    decode(text) {
      if (text.length > MAX_BYTES) throw new TypeError(`the value has ${text.length} bytes, more than ${MAX_BYTES}`);
      const bytes = Buffer.from(text, "latin1");
      // Higher characters would have been cut to bytes.
      if (bytes.toString("latin1") !== text) throw new TypeError("it has characters that are no bytes");
      inspect(bytes);
      return packr.unpack(bytes);
    },
  };
}
