import { BlockList, isIP } from "node:net";
import { type EventChannel, isScaleError, type Plan } from "@scale/core";
import { defineEvent } from "@scale/core/kit";
import type { Decision, RateLimitSubject } from "./types.js";

/** A setup mistake of a limiter or its guards that makes it count the wrong thing. */
export interface SetupWarning {
  readonly code: "SCALE_SETUP_FORWARDED" | "SCALE_SETUP_DOUBLE" | "SCALE_SETUP_SHARED_NAME" | "SCALE_SETUP_IP_UNKNOWN";
  readonly limiter: string;
  /** The mistake in one sentence. */
  readonly message: string;
  /** The section of the documentation that explains the fix. */
  readonly docs: string;
}

/** Published once per limiter and mistake, together with a process warning. */
export const setupWarn: EventChannel<SetupWarning> = defineEvent("scale:rate-limit:setup-warn");

const ANCHORS: Readonly<Record<SetupWarning["code"], string>> = {
  SCALE_SETUP_FORWARDED: "forwarded",
  SCALE_SETUP_DOUBLE: "double",
  SCALE_SETUP_SHARED_NAME: "shared-name",
  SCALE_SETUP_IP_UNKNOWN: "ip-unknown",
};

function warn(code: SetupWarning["code"], limiter: string, message: string): void {
  const docs = `docs/guides/rate-limit-wiring.md#${ANCHORS[code]}`;
  process.emitWarning(message, { code, type: "ScaleWarning", detail: docs });
  setupWarn.publish(() => ({ code, limiter, message, docs }));
}

const names = new WeakMap<object, Map<string, number>>();

/**
 * Registers the name of a limiter in its store, and warns when another open limiter of that name counts there.
 * @param allowSharedName true for limiters that share their counts on purpose
 * @returns a function that removes the registration, for when the limiter is closed
 */
export function registerLimiterName(store: object, name: string, allowSharedName = false): () => void {
  const counts = names.get(store) ?? new Map<string, number>();
  names.set(store, counts);
  const count = counts.get(name) ?? 0;
  counts.set(name, count + 1);
  if (count === 1 && !allowSharedName) {
    warn(
      "SCALE_SETUP_SHARED_NAME",
      name,
      `Two limiters named ${JSON.stringify(name)} count in the same store: their rules of the same name share one count.`,
    );
  }
  let isRegistered = true;
  return () => {
    const left = (counts.get(name) ?? 0) - Number(isRegistered);
    isRegistered = false;
    if (left > 0) counts.set(name, left);
    else counts.delete(name);
  };
}

/** One request as a guard has decided it. */
export interface GuardedRequest {
  readonly facts: { readonly remoteAddress: string | undefined; header(name: string): string | undefined };
  readonly subject: RateLimitSubject;
  readonly decision: Decision;
  /** Earlier decisions of this limiter about the same request. */
  readonly earlier: readonly Pick<GuardedRequest, "subject" | "decision">[];
}

/** Checks the requests of one limiter for setup mistakes, and warns of each mistake once. No response changes. */
export class SetupCheck {
  readonly #limiter: string;
  readonly #planOf: (name: string) => Plan | undefined;
  readonly #warned = new Set<SetupWarning["code"]>();

  /** @param planOf looks up a plan by name; returns `undefined` for a limiter without plans */
  constructor(limiter: string, planOf: (name: string) => Plan | undefined) {
    this.#limiter = limiter;
    this.#planOf = planOf;
  }

  inspect(seen: GuardedRequest): void {
    if (!this.#warned.has("SCALE_SETUP_FORWARDED") && isProxyCounted(seen)) {
      const proxy = seen.subject.ip ?? "";
      this.#warnOnce("SCALE_SETUP_FORWARDED", `counts ${proxy}, which is a proxy: all of its clients share one count.`);
    }
    if (!this.#warned.has("SCALE_SETUP_IP_UNKNOWN") && lacksAddress(seen, this.#planOf)) this.#warnNoAddress();
    if (!this.#warned.has("SCALE_SETUP_DOUBLE") && isChargedTwice(seen)) {
      this.#warnOnce("SCALE_SETUP_DOUBLE", "charges the same rules twice for one request: two of its guards see it.");
    }
  }

  /** Runs a decision, and inspects the subject when the decision throws. */
  async watchDecision<T>(subject: RateLimitSubject, decide: () => Promise<T>): Promise<T> {
    try {
      return await decide();
    } catch (error) {
      if (isMissing(subject.ip) && isScaleError(error, "SCALE_SUBJECT") && "by" in error && error.by === "ip") {
        this.#warnNoAddress();
      }
      throw error;
    }
  }

  #warnNoAddress(): void {
    this.#warnOnce("SCALE_SETUP_IP_UNKNOWN", "has rules that count addresses, and the subject of a request has none.");
  }

  #warnOnce(code: SetupWarning["code"], mistake: string): void {
    if (this.#warned.has(code)) return;
    this.#warned.add(code);
    warn(code, this.#limiter, `Limiter ${JSON.stringify(this.#limiter)} ${mistake}`);
  }
}

const PRIVATE = new BlockList();
for (const subnet of [
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.168.0.0/16",
]) {
  const [net = "", bits] = subnet.split("/");
  PRIVATE.addSubnet(net, Number(bits), "ipv4");
}
PRIVATE.addAddress("::1", "ipv6");
PRIVATE.addSubnet("fc00::", 7, "ipv6");
PRIVATE.addSubnet("fe80::", 10, "ipv6");

/** True when the subject is the peer of the socket, and that peer is a private address that forwarded the request. */
function isProxyCounted({ facts, subject: { ip } }: GuardedRequest): boolean {
  const { remoteAddress = "" } = facts;
  if (isMissing(ip) || !isSameAddress(ip, remoteAddress) || !isPrivate(remoteAddress)) return false;
  return facts.header("x-forwarded-for") !== undefined || facts.header("forwarded") !== undefined;
}

// A subject counts `::ffff:10.0.0.1` as 10.0.0.1.
const isSameAddress = (ip: string, remote: string): boolean => ip === remote || `::ffff:${ip}` === remote;

function isPrivate(address: string): boolean {
  const [bare = ""] = address.split("%", 1);
  const version = isIP(bare);
  return version !== 0 && PRIVATE.check(bare, version === 4 ? "ipv4" : "ipv6");
}

const isMissing = (id: string | null | undefined): id is null | undefined => id === undefined || id === null;

function lacksAddress({ subject, decision }: GuardedRequest, planOf: (name: string) => Plan | undefined): boolean {
  if (!isMissing(subject.ip)) return false;
  const section = planOf(decision.plan)?.rateLimit;
  const group = decision.group === undefined ? undefined : section?.groups[decision.group];
  return [section?.rules, group].some((rules) => rules?.some(({ by }) => by === "ip"));
}

function isChargedTwice(now: GuardedRequest): boolean {
  return now.earlier.some((one) => isCharge(one.decision) && isCharge(now.decision) && chargeSameRules(one, now));
}

const isCharge = ({ allowed, cost }: Decision): boolean => allowed && cost > 0;

function chargeSameRules(one: GuardedRequest["earlier"][number], other: typeof one): boolean {
  const isSame = (["tenantId", "userId", "ip"] as const).every((id) => one.subject[id] === other.subject[id]);
  if (!isSame || !haveSameKeys(one.subject, other.subject)) return false;
  return one.decision.limits.some(({ name }) => other.decision.limits.some((limit) => limit.name === name));
}

function haveSameKeys({ keys: ours = {} }: RateLimitSubject, { keys: theirs = {} }: RateLimitSubject): boolean {
  return [...new Set([...Object.keys(ours), ...Object.keys(theirs)])].every((name) => ours[name] === theirs[name]);
}
