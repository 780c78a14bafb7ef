import { createShedder, type Shedder } from "@scale/shed";
import { compareAll, judge, type Line, type Measured, type SectionOptions } from "@scale/testkit";
import { closeToobusy, FAR_MS, keepBusy, keepCalm, startUnderPressure, toobusy } from "./peers.js";

/** Decisions of one measured operation: one for each tenant. */
const BATCH = 1000;
/** Far below what a request costs in any framework. */
const AT_MOST_NS = 2000;

const tenants = Array.from({ length: BATCH }, (_, i) => `tenant-${i % 100}`);

/**
 * The decisions alone, without a framework. The peers look at one number that a timer has left: they know neither the tenant
 * nor when the work ends.
 */
export async function* decisions({ smoke }: SectionOptions): AsyncIterable<Line> {
  const open = createShedder({ eventLoopDelayMs: FAR_MS });
  const full = createShedder({ concurrency: 1, maxWaitMs: 0 });
  const held = await full.admit({ tenantId: "held" });
  const [calm, pressed] = [
    await startUnderPressure({ isPressed: false }),
    await startUnderPressure({ isPressed: true }),
  ];
  const rounds = smoke ? { rounds: 1, warmup: 0, durationMs: 20 } : { rounds: 21, warmup: 3, durationMs: 50 };
  keepCalm();
  const admitted = await compareAll(
    { ours: repeated(open), toobusy: asked(() => !toobusy()), underPressure: asked(() => !calm.isUnderPressure()) },
    rounds,
  );
  await keepBusy();
  const refused = await compareAll(
    { ours: refusals(full), toobusy: asked(() => toobusy()), underPressure: asked(() => pressed.isUnderPressure()) },
    rounds,
  );
  yield* lines("shed: one of 100 tenants is admitted, and its room given back", admitted);
  yield* lines("shed: one of 100 tenants is refused", refused);
  if (held.admitted) held.release();
  for (const shedder of [open, full]) shedder.close();
  closeToobusy();
  await Promise.all([calm.close(), pressed.close()]);
}

function* lines(bench: string, sides: Record<"ours" | "toobusy" | "underPressure", Measured>): Iterable<Line> {
  const nsOf = ({ opsPerSecond }: Measured): number => 1e9 / opsPerSecond / BATCH;
  for (const [against, peer] of [
    ["toobusy-js", sides.toobusy],
    ["@fastify/under-pressure", sides.underPressure],
  ] as const) {
    const ours = nsOf(sides.ours);
    yield { bench, unit: "ns", ours, peer: nsOf(peer), against, ...judge(ours, { gate: { atMost: AT_MOST_NS } }) };
  }
}

function repeated(shedder: Shedder): () => void {
  return () => {
    for (const tenantId of tenants) {
      const admission = shedder.admit({ tenantId });
      if (!("admitted" in admission) || !admission.admitted) throw new Error("expected an admission at once");
      admission.release();
    }
  };
}

function refusals(shedder: Shedder): () => void {
  return () => {
    for (const tenantId of tenants) {
      const admission = shedder.admit({ tenantId });
      if (!("admitted" in admission) || admission.admitted) throw new Error("expected a refusal at once");
    }
  };
}

/** Asks a peer, which answers yes each time. */
function asked(ask: () => boolean): () => void {
  return () => {
    for (let i = 0; i < BATCH; i++) if (!ask()) throw new Error("expected a yes, got a no");
  };
}
