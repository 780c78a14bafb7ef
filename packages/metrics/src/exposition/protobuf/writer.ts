const FIRST_BYTES = 4096;
const CONTINUE = 0x80;
const SEVEN_BITS = 0x7f;

/**
 * Writes the wire format of protocol buffers: the kinds of fields that `io.prometheus.client` has. A library would be many
 * times its size for one message.
 * Source: https://protobuf.dev/programming-guides/encoding/
 */
export class ProtoWriter {
  #bytes: Buffer = Buffer.allocUnsafe(FIRST_BYTES);
  #length = 0;

  /** An unsigned integer, exact up to 2^53. */
  uint(field: number, value: number): void {
    this.#varint(field * 8);
    this.#varint(value);
  }

  /** A signed integer in zigzag form. */
  sint(field: number, value: number): void {
    this.uint(field, zigzag(value));
  }

  double(field: number, value: number): void {
    this.#varint(field * 8 + 1);
    this.#reserve(8);
    this.#bytes.writeDoubleLE(value, this.#length);
    this.#length += 8;
  }

  text(field: number, value: string): void {
    const size = Buffer.byteLength(value);
    this.#varint(field * 8 + 2);
    this.#varint(size);
    this.#reserve(size);
    this.#length += this.#bytes.write(value, this.#length);
  }

  /** A nested message, or a packed list. */
  message(field: number, write: (writer: ProtoWriter) => void): void {
    this.#varint(field * 8 + 2);
    this.#sized(write);
  }

  /** Integers in zigzag form, packed. */
  sints(field: number, values: readonly number[]): void {
    if (values.length === 0) return;
    this.message(field, (writer) => {
      for (const value of values) writer.#varint(zigzag(value));
    });
  }

  /** A length, as it stands before a message in a stream. */
  size(value: number): void {
    this.#varint(value);
  }

  /** Bytes since the last `take`. */
  get length(): number {
    return this.#length;
  }

  /** Returns everything that was written since the last call. */
  take(): Buffer {
    const taken = Buffer.from(this.#bytes.subarray(0, this.#length));
    this.#length = 0;
    return taken;
  }

  #sized(write: (writer: ProtoWriter) => void): void {
    // One byte for the length, which is enough for most messages; longer ones move.
    this.#reserve(1);
    const at = this.#length++;
    write(this);
    const size = this.#length - at - 1;
    if (size <= SEVEN_BITS) {
      this.#bytes[at] = size;
      return;
    }
    const extra = varintSize(size) - 1;
    this.#reserve(extra);
    this.#bytes.copyWithin(at + 1 + extra, at + 1, this.#length);
    const end = this.#length + extra;
    this.#length = at;
    this.#varint(size);
    this.#length = end;
  }

  #varint(value: number): void {
    this.#reserve(10);
    let rest = value;
    while (rest > SEVEN_BITS) {
      this.#bytes[this.#length++] = (rest % CONTINUE) | CONTINUE;
      rest = Math.floor(rest / CONTINUE);
    }
    this.#bytes[this.#length++] = rest;
  }

  #reserve(size: number): void {
    if (this.#length + size <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + size));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}

const zigzag = (value: number): number => (value < 0 ? -value * 2 - 1 : value * 2);

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest > SEVEN_BITS; rest = Math.floor(rest / CONTINUE)) size++;
  return size;
}
