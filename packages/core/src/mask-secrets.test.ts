import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { isSecretName, isStrongSecret, maskSecrets } from "./mask-secrets.js";

describe("maskSecrets", () => {
  it("leaves text without secrets as it is", () => {
    for (const text of ["scale:rl", "expected 1 to 64 letters", "192.0.2.1:80", "a@b.example", "12:30"]) {
      expect(maskSecrets(text)).toBe(text);
    }
  });

  it("takes time that grows with the text, and no more", () => {
    for (const part of ["//", "password=", "a:", "eyJabcdefgh.", "bearer ", '"']) {
      const text = part.repeat(4000);
      // The time of the processor, because the machine may be busy.
      const before = process.cpuUsage();
      maskSecrets(text);
      expect(process.cpuUsage(before).user / 1000, part).toBeLessThan(500);
    }
  });
});

describe("isSecretName", () => {
  it("tells the names of secrets from others", () => {
    for (const name of [
      "password",
      "DB_PASSWORD",
      "apiKey",
      "api_key",
      "secrets",
      "token",
      "accessToken",
      "auth",
      "pass",
    ])
      expect(isSecretName(name), name).toBe(true);
    for (const name of ["key", "name", "tokens", "aiTokens", "user", "author", "passes"])
      expect(isSecretName(name), name).toBe(false);
  });
});

describe("isStrongSecret", () => {
  it("refuses short ones, and repetitions", () => {
    for (const weak of ["", "a".repeat(32), "ab".repeat(32), "secret".repeat(8), "0".repeat(64), "aB3$dE6&"]) {
      expect(isStrongSecret(weak), weak).toBe(false);
    }
  });

  it("accepts random ones in every usual form", () => {
    for (let i = 0; i < 200; i++) {
      const bytes = randomBytes(32);
      for (const encoding of ["hex", "base64", "base64url"] as const) {
        expect(isStrongSecret(bytes.toString(encoding))).toBe(true);
      }
    }
  });
});
