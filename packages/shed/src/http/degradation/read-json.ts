import { InputError } from "@scale/core";
import type { HttpFacts } from "@scale/http";
import type { z } from "zod";

const MAX_BYTES = 100_000;
/** Bytes after which the connection of a client that sends too much may break. */
const MAX_DROPPED_BYTES = 10_000_000;

/**
 * Reads the JSON body of a request in any framework, whether or not the framework has parsed it.
 * @throws {InputError} for another media type, a body above 100,000 bytes, and one that does not fit the schema
 */
export async function readJson<S extends z.ZodType>(facts: HttpFacts, schema: S): Promise<z.output<S>> {
  // A page of another site can send every other type without a preflight, with the cookies of the operator.
  const [type = ""] = (facts.header("content-type") ?? "").split(";");
  if (type.trim().toLowerCase() !== "application/json") {
    throw new InputError(`expected a body of the type application/json, got ${type.trim() || "none"}`);
  }
  const result = schema.safeParse(await parsedBody(facts.raw));
  if (result.success) return result.data;
  const issues = result.error.issues.map(({ path, message }) => `${path.map(String).join(".") || "body"}: ${message}`);
  throw new InputError(issues.join("; "));
}

async function parsedBody(raw: unknown): Promise<unknown> {
  if (typeof raw !== "object" || raw === null) throw new InputError("expected a body, got none");
  // A fetch request has a stream there, Express and Fastify what they have parsed.
  if (!(raw instanceof Request) && "body" in raw && raw.body !== undefined) return raw.body;
  const text = await textOf(chunksOf(raw));
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new InputError("expected a body in JSON", { cause });
  }
}

function chunksOf(raw: object): AsyncIterable<unknown> | undefined {
  if (raw instanceof Request) return raw.body ?? undefined;
  // Without this option an early end would close the connection, and the client would not see the refusal.
  if ("iterator" in raw && typeof raw.iterator === "function") return raw.iterator({ destroyOnReturn: false });
  return undefined;
}

async function textOf(chunks: AsyncIterable<unknown> | undefined): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of chunks ?? []) {
    const part = Buffer.from(chunk as Uint8Array);
    bytes += part.byteLength;
    // The rest is read and dropped: a client that is still sending would not see the refusal.
    if (bytes <= MAX_BYTES) parts.push(part);
    if (bytes > MAX_DROPPED_BYTES) break;
  }
  if (bytes > MAX_BYTES) throw new InputError(`expected a body of at most ${MAX_BYTES} bytes, got more`);
  return Buffer.concat(parts).toString("utf8");
}
