import { createHmac, timingSafeEqual } from "node:crypto";
import type { Clock } from "@scale/core";
import type { TokenRefusal } from "../events.js";
import { formatLsn, type Lsn, parseLsn } from "../postgres/lsn.js";

/** A position in the log of a cluster that a reader must see. */
export interface Position {
  readonly systemId: string;
  readonly timeline: number;
  /** 0 for an unknown position: the reader must see everything that is committed. */
  readonly lsn: Lsn;
}

export interface Tokens {
  /**
   * Creates `v1.<system>.<timeline>.<lsn>.<exp>.<mac>`: two decimal numbers, the LSN as PostgreSQL writes it, seconds
   * since the epoch, and base64url.
   */
  issue(position: Position): string;
  /** @returns the position, or the reason to refuse the token */
  read(token: string): Position | Extract<TokenRefusal, "malformed" | "forged" | "expired">;
}

const MAX_LENGTH = 256;
const FORM = /^(v1\.(\d{1,20})\.(\d{1,10})\.([0-9A-F]{1,8}\/[0-9A-F]{1,8})\.(\d{1,12}))\.([\w-]{43})$/;

/**
 * Signed tokens that clients may keep: a client can neither create nor change one, and each expires.
 * @param options `secrets`: the first one signs, all verify
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
        return "malformed";
      }
      const given = Buffer.from(mac, "base64url");
      // Compares with all secrets, so that the time does not reveal which one signed.
      const matches = macs(body).filter((each) => each.length === given.length && timingSafeEqual(each, given));
      if (matches.length === 0) return "forged";
      if (Number(exp) * 1000 <= clock.now()) return "expired";
      const lsn = parseLsn(written);
      return lsn === undefined ? "malformed" : { systemId, timeline: Number(timeline), lsn };
    },
  };
}
