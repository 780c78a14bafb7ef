import { randomUUID } from "node:crypto";
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
  const checker = new Checker(options);
  checker.check(value);
  const text = checker.hasNegativeZero ? withNegativeZeros(value) : JSON.stringify(value);
  const bytes = Buffer.byteLength(text);
  if (bytes > options.maxBytes) throw new PayloadTooLarge(options.job, bytes, options.maxBytes);
  return text;
}

/** JSON has -0, and `JSON.stringify` writes 0 for it. */
function withNegativeZeros(value: unknown): string {
  const mark = randomUUID();
  const marked = JSON.stringify(value, (_key, item: unknown) => (Object.is(item, -0) ? mark : item));
  return marked.replaceAll(`"${mark}"`, "-0");
}

/** Walks a value before it is written: a check for each value, and then one native call, is the fastest. */
class Checker {
  hasNegativeZero = false;
  readonly #options: EncodeOptions;
  /** Keys from the root to the value that is checked, for errors. */
  readonly #path: (string | number)[] = [];
  /** Bytes that the JSON text has at least. */
  #bytes = 0;

  constructor(options: EncodeOptions) {
    this.#options = options;
  }

  check(value: unknown): void {
    if (typeof value === "string") this.#count(value.length + 2);
    else if (typeof value === "number") this.#number(value);
    else if (typeof value === "boolean" || value === null) this.#count(4);
    else if (Array.isArray(value)) this.#array(value);
    else if (typeof value === "object") this.#object(value);
    else this.#refuse(value);
  }

  /** A value of any size is refused after `maxBytes` of work. */
  #count(bytes: number): void {
    this.#bytes += bytes;
    const { job, maxBytes } = this.#options;
    if (this.#bytes > maxBytes) throw new PayloadTooLarge(job, this.#bytes, maxBytes);
  }

  #number(value: number): void {
    if (!Number.isFinite(value)) this.#refuse(value);
    if (value === 0 && Object.is(value, -0)) this.hasNegativeZero = true;
    this.#count(1);
  }

  #array(value: readonly unknown[]): void {
    this.#enter(value, Array.prototype);
    // A match of a regular expression is an array with fields, which JSON leaves out.
    if (Object.keys(value).length !== value.length) this.#refuse(value);
    for (let index = 0; index < value.length; index++) this.#checkAt(index, value[index]);
  }

  #object(value: object): void {
    this.#enter(value, Object.prototype);
    if ("toJSON" in value || Object.getOwnPropertySymbols(value).length > 0) this.#refuse(value);
    for (const key of Object.keys(value)) {
      this.#count(key.length + 3);
      this.#checkAt(key, Reflect.get(value, key));
    }
  }

  #checkAt(key: string | number, value: unknown): void {
    this.#path.push(key);
    this.check(value);
    this.#path.pop();
  }

  #enter(value: object, expected: object): void {
    this.#count(2);
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== expected && (prototype !== null || expected === Array.prototype)) this.#refuse(value);
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
