import { BlockList, isIP } from "node:net";
import type { EventChannel, Plan } from "@scale/core";
import { defineEvent } from "@scale/core/kit";
import type { Decision, RateLimitSubject } from "./types.js";

/** A mistake in how limiters are put together, which makes them count the wrong thing. */
export type WiringCode =
  | "SCALE_WIRING_FORWARDED"
  | "SCALE_WIRING_DOUBLE"
  | "SCALE_WIRING_SHARED_NAME"
  | "SCALE_WIRING_IP_UNKNOWN";

export interface WiringWarning {
  readonly code: WiringCode;
  readonly limiter: string;
  /** What is wrong, in one sentence. */
  readonly message: string;
  /** The place in the documentation that says what to do. */
  readonly docs: string;
}

/** Published once for each limiter and mistake, with a warning of the process. */
export const wiringWarn: EventChannel<WiringWarning> = defineEvent("scale:rate-limit:wiring-warn");

const GUIDE = "docs/guides/rate-limit-wiring.md";

const ANCHORS: Readonly<Record<WiringCode, string>> = {
  SCALE_WIRING_FORWARDED: "forwarded",
  SCALE_WIRING_DOUBLE: "double",
  SCALE_WIRING_SHARED_NAME: "shared-name",
  SCALE_WIRING_IP_UNKNOWN: "ip-unknown",
};

function warn(code: WiringCode, limiter: string, message: string): void {
  const docs = `${GUIDE}#${ANCHORS[code]}`;
  process.emitWarning(message, { code, type: "ScaleWarning", detail: docs });
  wiringWarn.publish(() => ({ code, limiter, message, docs }));
}

const names = new WeakMap<object, Map<string, number>>();
let sharing = false;

/** Makes limiters that share a name with one there is, and mean to. */
export function sharingName(make: () => void): void {
  sharing = true;
  try {
    make();
  } finally {
    sharing = false;
  }
}

/**
 * Tells that a limiter of this name counts in this store, and warns when another one does already.
 * @returns what to call when the limiter is closed
 */
export function noteLimiter(store: object, name: string): () => void {
  const used = names.get(store) ?? new Map<string, number>();
  names.set(store, used);
  const count = used.get(name) ?? 0;
  used.set(name, count + 1);
  if (count === 1 && !sharing) {
    warn(
      "SCALE_WIRING_SHARED_NAME",
      name,
      `Two limiters named ${JSON.stringify(name)} count in the same store: their rules of the same name are one count.`,
    );
  }
  let noted = true;
  return () => {
    const left = (used.get(name) ?? 0) - Number(noted);
    noted = false;
    if (left > 0) used.set(name, left);
    else used.delete(name);
  };
}

/** One request as a guard has decided it. */
export interface GuardedRequest {
  /** The framework's own request, which all guards of one request share. */
  readonly request: object;
  readonly facts: { readonly remoteAddress: string | undefined; header(name: string): string | undefined };
  readonly subject: RateLimitSubject;
  readonly decision: Decision;
  /** False when the rules of the group alone were asked. */
  readonly ownRules: boolean;
}

/** Looks at the requests of one limiter for mistakes, and warns of each once. Nothing it finds changes an answer. */
export interface WiringCheck {
  decided(seen: GuardedRequest): void;
  /** Runs a decision, and looks at the subject when there is none. */
  deciding<T>(subject: RateLimitSubject, decide: () => Promise<T>): Promise<T>;
}

/** @param planOf a plan in force; `undefined` for a limiter without plans */
export function createWiringCheck(limiter: string, planOf: (name: string) => Plan | undefined): WiringCheck {
  const warned = new Set<WiringCode>();
  const charged = new WeakMap<object, Charged[]>();
  const who = `Limiter ${JSON.stringify(limiter)}`;

  function once(code: WiringCode, message: string): void {
    if (warned.has(code)) return;
    warned.add(code);
    warn(code, limiter, message);
  }

  const lacks = (): void =>
    once("SCALE_WIRING_IP_UNKNOWN", `${who} has rules that count addresses, and the subject of a request has none.`);

  return {
    decided(seen) {
      if (!warned.has("SCALE_WIRING_FORWARDED") && isProxyCounted(seen)) {
        const proxy = seen.subject.ip ?? "";
        once("SCALE_WIRING_FORWARDED", `${who} counts ${proxy}, which is a proxy: all clients behind it are one.`);
      }
      if (!warned.has("SCALE_WIRING_IP_UNKNOWN") && lacksAddress(seen, planOf)) lacks();
      if (!warned.has("SCALE_WIRING_DOUBLE") && isChargedTwice(seen, charged)) {
        once(
          "SCALE_WIRING_DOUBLE",
          `${who} charges the same rules twice for one request: two guards of it are in its way.`,
        );
      }
    },
    async deciding(subject, decide) {
      try {
        return await decide();
      } catch (error) {
        // Nothing but an address can be counted for it, and it has none.
        if (subject.ip === undefined && subject.tenantId === undefined && subject.userId === undefined) lacks();
        throw error;
      }
    },
  };
}

const PRIVATE = new BlockList();
for (const [net, bits] of [
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
] as const) {
  PRIVATE.addSubnet(net, bits, "ipv4");
}
for (const [net, bits] of [
  ["::1", 128],
  ["fc00::", 7],
  ["fe80::", 10],
] as const) {
  PRIVATE.addSubnet(net, bits, "ipv6");
}

/** True when the subject is the socket's other end, which is a private address and says that it forwards for someone. */
function isProxyCounted({ facts, subject: { ip } }: GuardedRequest): boolean {
  const { remoteAddress = "" } = facts;
  if (ip === undefined || !sameAddress(ip, remoteAddress) || !isPrivate(remoteAddress)) return false;
  return facts.header("x-forwarded-for") !== undefined || facts.header("forwarded") !== undefined;
}

// `::ffff:10.0.0.1` is 10.0.0.1 to who counts it.
const sameAddress = (ip: string, remote: string): boolean => ip === remote || `::ffff:${ip}` === remote;

function isPrivate(address: string): boolean {
  const [bare = ""] = address.split("%", 1);
  const version = isIP(bare);
  return version !== 0 && PRIVATE.check(bare, version === 4 ? "ipv4" : "ipv6");
}

function lacksAddress({ subject, decision }: GuardedRequest, planOf: (name: string) => Plan | undefined): boolean {
  if (subject.ip !== undefined) return false;
  const section = planOf(decision.plan)?.rateLimit;
  const group = decision.group === undefined ? undefined : section?.groups[decision.group];
  return [section?.rules, group].some((rules) => rules?.some(({ by }) => by === "ip"));
}

/** What one guard charged for a request. */
interface Charged {
  readonly subject: RateLimitSubject;
  readonly ownRules: boolean;
  readonly group: string | undefined;
}

function isChargedTwice(
  { request, subject, ownRules, decision }: GuardedRequest,
  charged: WeakMap<object, Charged[]>,
): boolean {
  const { allowed, cost, group } = decision;
  if (!allowed || cost === 0) return false;
  const earlier = charged.get(request);
  const now: Charged = { subject, ownRules, group };
  if (earlier === undefined) charged.set(request, [now]);
  else earlier.push(now);
  return earlier?.some((one) => one !== now && overlap(one, now)) ?? false;
}

function overlap(one: Charged, other: Charged): boolean {
  const isSame = (["tenantId", "userId", "ip"] as const).every((id) => one.subject[id] === other.subject[id]);
  return isSame && ((one.ownRules && other.ownRules) || (one.group !== undefined && one.group === other.group));
}
