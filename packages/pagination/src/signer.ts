import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from "node:crypto";
import { ConfigError } from "@scale/core";

/** Signs strings for clients with HMAC-SHA256. */
export interface Signer {
  /** Identifies the key without revealing it. */
  readonly keyId: string;
  sign(text: string): string;
  /** Compares in constant time. */
  verify(text: string, signature: string): boolean;
}

const MIN_LENGTH = 32;

/**
 * @param secrets the first signs, all verify
 * @throws {ConfigError} without any part of a secret
 */
export function createSigners(secrets: string | readonly string[]): readonly [Signer, ...Signer[]] {
  const list: readonly unknown[] = Array.isArray(secrets) ? secrets : [secrets];
  const [first, ...rest] = list.map(createSigner);
  if (first === undefined) throw new ConfigError("definePage: secret: expected at least one, got none");
  return [first, ...rest];
}

function createSigner(secret: unknown): Signer {
  if (typeof secret !== "string" || secret.length < MIN_LENGTH) {
    const got = typeof secret === "string" ? `${secret.length}` : typeof secret;
    throw new ConfigError(`definePage: secret: expected a string of at least ${MIN_LENGTH} characters, got ${got}`);
  }
  const key = createSecretKey(secret, "utf8");
  const sign = (text: string): string => mac(key, `scale:page:1:${text}`);
  return {
    keyId: mac(key, "scale:page:key").slice(0, 8),
    sign,
    verify(text, signature) {
      const expected = Buffer.from(sign(text));
      const got = Buffer.from(signature);
      // Compares the strings, not the decoded bytes: base64 has several strings for the same bytes.
      return got.length === expected.length && timingSafeEqual(got, expected);
    },
  };
}

const mac = (key: KeyObject, text: string): string => createHmac("sha256", key).update(text).digest("base64url");
