import { InMemoryProvider, OpenFeature, type Provider } from "@openfeature/server-sdk";
import { bool, createFlags, defineFlags, type Flags, memorySource, oneOf } from "@scale/flags";
import { openFeatureProvider } from "@scale/flags/openfeature";

/** Evaluations of one measured operation: one for each tenant. */
export const BATCH = 1000;

const PLANS = ["free", "basic", "professional", "enterprise"];

/** Ids as a server decodes them from a request: V8 keeps the result of a template as the parts it was made of. */
const subjects = Array.from({ length: BATCH }, (_, i) => ({
  tenantId: Buffer.from(`tenant-${i * 7919}`).toString("latin1"),
  userId: `user-${i}`,
  plan: PLANS[i % PLANS.length] ?? "free",
}));

const definitions = defineFlags({
  constant: bool({ default: false }),
  percentage: bool({ default: false }),
  variants: oneOf(["a", "b", "c"], { default: "a" }),
});

type OurFlags = Flags<typeof definitions>;

export interface Ours {
  readonly flags: OurFlags;
  /** The same flags with a bound on their age, which reads the clock. */
  readonly bounded: OurFlags;
  evaluate(times: number): number;
  close(): Promise<void>;
}

export async function startOurs(): Promise<Ours> {
  const source = memorySource();
  const flags = createFlags({ flags: definitions, source });
  const by = { by: "bench" };
  const weights = ["a", "b", "c"] as const;
  await flags.set("constant", { rules: [{}] }, by);
  // Half of the tenants get past the plan; all others are decided by it.
  await flags.set("percentage", { rules: [{ plans: ["professional", "enterprise"], percent: 50 }] }, by);
  const variants = weights.map((value, i) => ({ name: value, weight: i + 1, value }));
  await flags.set("variants", { rules: [{ variants }] }, by);
  const bounded = createFlags({ flags: definitions, source, maxStaleness: "1h" });
  await bounded.ready();
  return {
    flags,
    bounded,
    evaluate(times) {
      let on = 0;
      for (let i = 0; i < times; i++) if (flags.get("percentage", subjects[i % BATCH])) on++;
      return on;
    },
    close: async () => void (await Promise.all([flags.close(), bounded.close()])),
  };
}

/** A loop of its own for each contender: in a shared one the engine could not see which of them it calls. */
export function contenders({ flags, bounded }: Ours) {
  const map = new Map(subjects.map((subject) => [subject.tenantId, flags.get("percentage", subject)]));
  const ids = subjects.map(({ tenantId }) => tenantId);
  return {
    map() {
      let on = 0;
      for (const id of ids) if (map.get(id) === true) on++;
      keep(on);
    },
    constant() {
      let on = 0;
      for (const subject of subjects) if (flags.get("constant", subject)) on++;
      keep(on);
    },
    percentage() {
      let on = 0;
      for (const subject of subjects) if (flags.get("percentage", subject)) on++;
      keep(on);
    },
    variants() {
      let on = 0;
      for (const subject of subjects) if (flags.get("variants", subject) === "a") on++;
      keep(on);
    },
    bounded() {
      let on = 0;
      for (const subject of subjects) if (bounded.get("percentage", subject)) on++;
      keep(on);
    },
    openFeature: throughSdk("peer", new InMemoryProvider(peerFlags)),
    provider: throughSdk("ours", openFeatureProvider(flags)),
  };
}

/** Uses a result, so that it is not optimised away. */
function keep(on: number): void {
  if (on === 0) throw new Error("expected tenants for which the flag is on, got none");
}

const peerFlags = {
  percentage: { variants: { on: true, off: false }, defaultVariant: "on", disabled: false },
} as const;

/** Awaits each evaluation, as a request does. */
function throughSdk(domain: string, provider: Provider): () => Promise<void> {
  const ready = OpenFeature.setProviderAndWait(domain, provider);
  const client = OpenFeature.getClient(domain);
  return async () => {
    await ready;
    for (const subject of subjects) await client.getBooleanValue("percentage", false, subject);
  };
}
