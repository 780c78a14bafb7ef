import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from "node:crypto";
import type { Clock } from "@scale/core";
import type { TokenRefusal } from "../events.js";
import type { Lsn } from "../postgres/lsn.js";

/** A position in the log of a cluster that a reader must see. */
export interface Position {
  readonly systemId: string;
  readonly timeline: number;
  /** 0 for an unknown position: the reader must see everything that is committed. */
  readonly lsn: Lsn;
}

export interface Tokens {
  /** Creates a token of 72 characters of base64url, for one tenant, or for work without one. */
  issue(position: Position, tenantId: string | undefined): string;
  /** @returns the position, or the reason to refuse the token; "forged" also for the token of another tenant */
  read(
    token: string,
    tenantId: string | undefined,
  ): Position | Extract<TokenRefusal, "malformed" | "forged" | "expired">;
}

const VERSION = 2;
/** Version, system, timeline, position and expiry in seconds since the epoch. */
const PLAIN_BYTES = 1 + 8 + 4 + 8 + 5;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** 54 bytes fill 72 characters exactly, so each token has one spelling. */
const FORM = /^[\w-]{72}$/;

interface Sealer {
  seal(plain: Buffer, aad: Buffer): Buffer;
  /** @returns `undefined` for what this key has not sealed, and for other associated data */
  open(sealed: Buffer, aad: Buffer): Buffer | undefined;
}

/**
 * Sealed tokens that clients may keep: a client can neither create, change nor read one, and each expires.
 * @param options `secrets`: the first one seals, all open
 */
export function createTokens({
  secrets,
  ttlMs,
  clock,
}: {
  readonly secrets: readonly (string | Buffer)[];
  readonly ttlMs: number;
  readonly clock: Clock;
}): Tokens {
  const sealers = secrets.map(createSealer);
  return {
    issue(position, tenantId) {
      const expiresAt = Math.ceil((clock.now() + ttlMs) / 1000);
      return (sealers[0] as Sealer).seal(encode(position, expiresAt), tenantData(tenantId)).toString("base64url");
    },
    read(token, tenantId) {
      if (!FORM.test(token)) return "malformed";
      const sealed = Buffer.from(token, "base64url");
      const aad = tenantData(tenantId);
      for (const sealer of sealers) {
        const plain = sealer.open(sealed, aad);
        if (plain === undefined) continue;
        if (plain.readUInt8(0) !== VERSION) return "malformed";
        return plain.readUIntBE(21, 5) * 1000 <= clock.now() ? "expired" : decode(plain);
      }
      return "forged";
    },
  };
}

function encode({ systemId, timeline, lsn }: Position, expiresAt: number): Buffer {
  const plain = Buffer.alloc(PLAIN_BYTES);
  plain.writeUInt8(VERSION, 0);
  plain.writeBigUInt64BE(BigInt(systemId), 1);
  plain.writeUInt32BE(timeline, 9);
  plain.writeBigUInt64BE(BigInt(lsn), 13);
  plain.writeUIntBE(expiresAt, 21, 5);
  return plain;
}

const decode = (plain: Buffer): Position => ({
  systemId: String(plain.readBigUInt64BE(1)),
  timeline: plain.readUInt32BE(9),
  lsn: Number(plain.readBigUInt64BE(13)),
});

/** No tenant and a tenant with an empty name are two things. */
const tenantData = (tenantId: string | undefined): Buffer => Buffer.from(tenantId === undefined ? "-" : `=${tenantId}`);

/** AES-256-GCM. The nonce is a MAC of what is sealed, so that it repeats only for the same token. */
function createSealer(secret: string | Buffer): Sealer {
  const derive = (use: string): Buffer => Buffer.from(hkdfSync("sha256", secret, "", `scale:db-session:${use}`, 32));
  const [key, nonceKey] = [derive("seal"), derive("nonce")];
  return {
    seal(plain, aad) {
      const nonce = createHmac("sha256", nonceKey).update(plain).update(aad).digest().subarray(0, NONCE_BYTES);
      const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(aad);
      return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    },
    open(sealed, aad) {
      const tagAt = sealed.length - TAG_BYTES;
      const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(aad).setAuthTag(sealed.subarray(tagAt));
      const plain = decipher.update(sealed.subarray(NONCE_BYTES, tagAt));
      try {
        decipher.final();
        return plain;
      } catch {
        // The caller tries the next secret, and refuses the token after the last one.
        return undefined;
      }
    },
  };
}
