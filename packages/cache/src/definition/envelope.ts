import { deflateRawSync, inflateRawSync } from "node:zlib";
import type { Shape } from "./codec.js";
import { digitsUntil } from "./parse-digits.js";

const BAR = 124;

/** From here on a text is compressed: below, it takes longer than it saves. */
const COMPRESS_CHARS = 4096;
/** A small text can be made that inflates to any size. */
const MAX_INFLATED_BYTES = 64 * 1024 * 1024;

/** Written before every value; a text without it was written by something else. */
export interface Label {
  /** Of the schema: the application counts it up when the type changes. */
  readonly version: number;
  /** Name and key: a value found under another one is not taken for it. */
  readonly key: string;
}

/** What is written of a value. */
export interface Sealable {
  /** `undefined` for the value `undefined`. */
  readonly text: string | undefined;
  /** How long it took to load: other processes decide by it when to load it again. 0 when it was not loaded. */
  readonly loadMs: number;
}

/** A value that went the way that it will go when it is read. */
export interface Packed {
  readonly value: unknown;
  /** `undefined` for the value `undefined`, which is kept as such: there is nothing. */
  readonly text: string | undefined;
}

/** @throws what the shape throws */
export function pack(shape: Shape, value: unknown): Packed {
  if (value === undefined) return { value, text: undefined };
  const text = shape.toText(value);
  return { value: shape.fromText(text), text };
}

/** @returns `<kind><version>|<loadMs>|<characters>|<key>|<text>` */
export function seal({ text, loadMs }: Sealable, { version, key }: Label): string {
  const { kind, body } = bodyOf(text);
  return `${kind}${version}|${Math.ceil(loadMs)}|${body.length}|${key}|${body}`;
}

function bodyOf(text: string | undefined): { readonly kind: "j" | "u" | "z"; readonly body: string } {
  if (text === undefined) return { kind: "u", body: "" };
  if (text.length < COMPRESS_CHARS) return { kind: "j", body: text };
  return { kind: "z", body: deflateRawSync(text, { level: 1 }).toString("base64") };
}

export type Opened =
  | { readonly ok: true; readonly value: unknown; readonly chars: number; readonly loadMs: number }
  | { readonly ok: false; readonly reason: string };

/** Never throws: what cannot be read is as good as not there. */
export function open(sealed: string, label: Label, shape: Shape): Opened {
  const head = headOf(sealed);
  if (head === undefined) return { ok: false, reason: "not of this library" };
  const { kind, version, loadMs, chars, keyFrom } = head;
  if (version !== label.version) return { ok: false, reason: `version ${version}, not ${label.version}` };
  const from = keyFrom + label.key.length + 1;
  if (!sealed.startsWith(label.key, keyFrom) || sealed.charCodeAt(from - 1) !== BAR) {
    return { ok: false, reason: "of another key" };
  }
  if (sealed.length - from !== chars) return { ok: false, reason: `${sealed.length - from} characters of ${chars}` };
  if (kind === "u") return { ok: true, value: undefined, chars: 0, loadMs };
  try {
    const body = sealed.slice(from);
    const text = kind === "j" ? body : inflate(body);
    return { ok: true, value: shape.fromText(text), chars: text.length, loadMs };
  } catch (error) {
    // The reader gets a fresh value, and who listens the reason.
    return { ok: false, reason: error instanceof Error ? error.message : String(error) };
  }
}

interface Head {
  readonly kind: string;
  readonly version: number;
  readonly loadMs: number;
  readonly chars: number;
  readonly keyFrom: number;
}

/** By hand, because it is on the way of every read, and a regular expression makes six texts. */
function headOf(sealed: string): Head | undefined {
  const kind = sealed.charAt(0);
  const loadFrom = sealed.indexOf("|") + 1;
  const charsFrom = sealed.indexOf("|", loadFrom) + 1;
  const version = digitsUntil(sealed, 1, BAR);
  const loadMs = digitsUntil(sealed, loadFrom, BAR);
  const chars = digitsUntil(sealed, charsFrom, BAR);
  if (!(kind === "j" || kind === "u" || kind === "z") || version < 0 || loadMs < 0 || chars < 0) return undefined;
  return { kind, version, loadMs, chars, keyFrom: sealed.indexOf("|", charsFrom) + 1 };
}

function inflate(body: string): string {
  return inflateRawSync(Buffer.from(body, "base64"), { maxOutputLength: MAX_INFLATED_BYTES }).toString();
}
