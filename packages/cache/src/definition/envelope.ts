import { deflateRawSync, inflateRawSync } from "node:zlib";
import type { Serializer } from "./codec.js";
import { digitsUntil } from "./parse-digits.js";

const BAR = 124;

/** Length from which a serialized value is compressed: below, compression takes longer than it saves. */
const COMPRESS_CHARS = 4096;
/** Limit for inflating: a small string can be crafted that inflates to any size. */
const MAX_INFLATED_BYTES = 64 * 1024 * 1024;

/** Written before every value in the store. A string without it was not written by this library. */
export interface EnvelopeHeader {
  /** Version of the value's type: `format.version` of the definition. */
  readonly version: number;
  /** Name and key: a value that is found under another key is rejected. */
  readonly key: string;
}

/**
 * Serializes and deserializes a value, so that a loaded value equals one that was read from the store.
 * @returns `text` is `undefined` for the value `undefined`
 * @throws what the serializer throws
 */
export function roundTrip(
  serializer: Serializer,
  value: unknown,
): { readonly value: unknown; readonly text: string | undefined } {
  if (value === undefined) return { value, text: undefined };
  const text = serializer.serialize(value);
  return { value: serializer.deserialize(text), text };
}

/**
 * @param loadMs duration of the load, 0 for a set: other processes decide by it when to refresh the value
 * @returns `<kind><version>|<loadMs>|<characters>|<key>|<text>`
 */
export function writeEnvelope(
  { text, loadMs }: { readonly text: string | undefined; readonly loadMs: number },
  { version, key }: EnvelopeHeader,
): string {
  const { kind, body } = encodeBody(text);
  return `${kind}${version}|${Math.ceil(loadMs)}|${body.length}|${key}|${body}`;
}

function encodeBody(text: string | undefined): { readonly kind: "j" | "u" | "z"; readonly body: string } {
  if (text === undefined) return { kind: "u", body: "" };
  if (text.length < COMPRESS_CHARS) return { kind: "j", body: text };
  return { kind: "z", body: deflateRawSync(text, { level: 1 }).toString("base64") };
}

/** Never throws: an envelope that cannot be read counts as a missing entry. */
export function readEnvelope(
  envelope: string,
  header: EnvelopeHeader,
  serializer: Serializer,
):
  | { readonly ok: true; readonly value: unknown; readonly chars: number; readonly loadMs: number }
  | { readonly ok: false; readonly reason: string } {
  const head = parseHead(envelope);
  if (head === undefined) return { ok: false, reason: "not written by this library" };
  const { kind, version, loadMs, chars, keyFrom } = head;
  if (version !== header.version) return { ok: false, reason: `expected version ${header.version}, got ${version}` };
  const from = keyFrom + header.key.length + 1;
  if (!envelope.startsWith(header.key, keyFrom) || envelope.charCodeAt(from - 1) !== BAR) {
    return { ok: false, reason: "written for another key" };
  }
  if (envelope.length - from !== chars) {
    return { ok: false, reason: `expected ${chars} characters, got ${envelope.length - from}` };
  }
  if (kind === "u") return { ok: true, value: undefined, chars: 0, loadMs };
  try {
    const body = envelope.slice(from);
    const text = kind === "j" ? body : inflate(body);
    return { ok: true, value: serializer.deserialize(text), chars: text.length, loadMs };
  } catch (error) {
    // The caller loads a fresh value, and publishes the reason.
    return { ok: false, reason: error instanceof Error ? error.message : String(error) };
  }
}

/** Parses by hand, because every read of the store runs it, and a regular expression would allocate six strings. */
function parseHead(
  envelope: string,
): { kind: string; version: number; loadMs: number; chars: number; keyFrom: number } | undefined {
  const kind = envelope.charAt(0);
  const loadFrom = envelope.indexOf("|") + 1;
  const charsFrom = envelope.indexOf("|", loadFrom) + 1;
  const version = digitsUntil(envelope, 1, BAR);
  const loadMs = digitsUntil(envelope, loadFrom, BAR);
  const chars = digitsUntil(envelope, charsFrom, BAR);
  if (!(kind === "j" || kind === "u" || kind === "z") || version < 0 || loadMs < 0 || chars < 0) return undefined;
  return { kind, version, loadMs, chars, keyFrom: envelope.indexOf("|", charsFrom) + 1 };
}

function inflate(body: string): string {
  return inflateRawSync(Buffer.from(body, "base64"), { maxOutputLength: MAX_INFLATED_BYTES }).toString();
}
