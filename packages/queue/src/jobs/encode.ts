import { InputError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import { PayloadTooLarge } from "../errors.js";

/** Deeper values are almost certainly cyclic. */
const MAX_DEPTH = 200;

export interface EncodeOptions {
  /** Name of the job, for errors. */
  readonly job: string;
  readonly maxBytes: number;
  /** Name of the value in errors. @default "data" */
  readonly root?: string;
}

/**
 * Writes a value as JSON text that reads as the same value. `JSON.stringify` would change values silently: a Map becomes `{}`,
 * NaN `null`, a Date a string, and `undefined` disappears.
 * @throws {InputError} with the path of a value that JSON has no form for
 * @throws {PayloadTooLarge} as soon as the text is longer than `maxBytes`
 */
export function encodeJson(value: unknown, options: EncodeOptions): string {
  const text = new Encoder(options).encode(value);
  const bytes = Buffer.byteLength(text);
  if (bytes > options.maxBytes) throw new PayloadTooLarge(options.job, bytes, options.maxBytes);
  return text;
}

class Encoder {
  readonly #options: EncodeOptions;
  /** Keys from the root to the value that is written, for errors. */
  readonly #path: (string | number)[] = [];
  #text = "";

  constructor(options: EncodeOptions) {
    this.#options = options;
  }

  encode(value: unknown): string {
    this.#write(value);
    return this.#text;
  }

  #write(value: unknown): void {
    if (typeof value === "string") this.#append(JSON.stringify(value));
    else if (typeof value === "number") this.#append(this.#number(value));
    else if (typeof value === "boolean" || value === null) this.#append(String(value));
    else if (Array.isArray(value)) this.#array(value);
    else if (typeof value === "object") this.#object(value);
    else this.#refuse(value);
  }

  #append(part: string): void {
    this.#text += part;
    const { job, maxBytes } = this.#options;
    // Every character takes a byte at least, so that a value of any size is refused after `maxBytes` of work.
    if (this.#text.length > maxBytes) throw new PayloadTooLarge(job, this.#text.length, maxBytes);
  }

  #number(value: number): string {
    if (!Number.isFinite(value)) this.#refuse(value);
    return Object.is(value, -0) ? "-0" : String(value);
  }

  #array(value: readonly unknown[]): void {
    this.#enter(value);
    // A match of a regular expression is an array with fields, which JSON leaves out.
    if (Object.getPrototypeOf(value) !== Array.prototype || Object.keys(value).length !== value.length)
      this.#refuse(value);
    this.#append("[");
    for (const [index, item] of value.entries()) {
      if (index > 0) this.#append(",");
      this.#writeAt(index, item);
    }
    this.#append("]");
  }

  #object(value: object): void {
    this.#enter(value);
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) this.#refuse(value);
    if (Object.getOwnPropertySymbols(value).length > 0) this.#refuse(value);
    this.#append("{");
    let isFirst = true;
    for (const [key, item] of Object.entries(value)) {
      this.#append(`${isFirst ? "" : ","}${JSON.stringify(key)}:`);
      isFirst = false;
      this.#writeAt(key, item);
    }
    this.#append("}");
  }

  #writeAt(key: string | number, value: unknown): void {
    this.#path.push(key);
    this.#write(value);
    this.#path.pop();
  }

  #enter(value: object): void {
    if (this.#path.length > MAX_DEPTH) this.#refuse(value, `fewer than ${MAX_DEPTH} levels (is it a cycle?)`);
  }

  #refuse(value: unknown, expected = "a JSON value"): never {
    const { job, root = "data" } = this.#options;
    const path = [root, ...this.#path.slice(0, 20)].join(".");
    throw new InputError(`job ${describeValue(job)}: ${path}: expected ${expected}, got ${kindOf(value)}`);
  }
}

function kindOf(value: unknown): string {
  if (typeof value !== "object" || value === null) return describeValue(value);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null || prototype === Object.prototype || Array.isArray(value)) return describeValue(value);
  const name: unknown = value.constructor?.name;
  return typeof name === "string" && name !== "" ? `an instance of ${name}` : describeValue(value);
}
