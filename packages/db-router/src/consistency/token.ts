import { createHmac, timingSafeEqual } from "node:crypto";
import type { Clock } from "@scale/core";
import type { TokenRefusal } from "../events.js";
import { formatLsn, type Lsn, parseLsn } from "../postgres/lsn.js";

/** Up to where a reader must see a database. */
export interface Position {
  readonly systemId: string;
  readonly timeline: number;
  /** 0: not known, and later than anything that is. */
  readonly lsn: Lsn;
}

export type TokenReading =
  | { readonly position: Position }
  | { readonly refused: Extract<TokenRefusal, "malformed" | "forged" | "expired"> };

export interface Tokens {
  /** `v1.<system>.<timeline>.<lsn>.<exp>.<mac>`: decimal, decimal, as PostgreSQL writes it, seconds since the epoch, base64url. */
  issue(position: Position): string;
  read(token: string): TokenReading;
}

export interface TokenOptions {
  /** The first signs, all verify. */
  readonly secrets: readonly (string | Buffer)[];
  readonly ttlMs: number;
  readonly clock: Clock;
}

const MAX_LENGTH = 256;
const FORM = /^(v1\.(\d{1,20})\.(\d{1,10})\.([0-9A-F]{1,8}\/[0-9A-F]{1,8})\.(\d{1,12}))\.([\w-]{43})$/;

/** Tokens are what a client may keep: it can neither make one nor change one, and each ends by itself. */
export function createTokens({ secrets, ttlMs, clock }: TokenOptions): Tokens {
  const macs = (body: string): Buffer[] => secrets.map((secret) => createHmac("sha256", secret).update(body).digest());
  return {
    issue({ systemId, timeline, lsn }) {
      const exp = Math.ceil((clock.now() + ttlMs) / 1000);
      const body = `v1.${systemId}.${timeline}.${formatLsn(lsn)}.${exp}`;
      return `${body}.${macs(body)[0]?.toString("base64url")}`;
    },
    read(token) {
      const [, body, systemId, timeline, written, exp, mac] = (token.length <= MAX_LENGTH && FORM.exec(token)) || [];
      if (body === undefined || systemId === undefined || written === undefined || mac === undefined) {
        return { refused: "malformed" };
      }
      const given = Buffer.from(mac, "base64url");
      // All are compared, so that the time tells nothing of which one signed.
      const matches = macs(body).filter((each) => each.length === given.length && timingSafeEqual(each, given));
      if (matches.length === 0) return { refused: "forged" };
      if (Number(exp) * 1000 <= clock.now()) return { refused: "expired" };
      const lsn = parseLsn(written);
      if (lsn === undefined) return { refused: "malformed" };
      return { position: { systemId, timeline: Number(timeline), lsn } };
    },
  };
}
