import { createShedder } from "@scale/shed";
import { judge, type Line, type SectionOptions } from "@scale/testkit";
import { usedBytes } from "../used-bytes.js";

/** What does a shedder hold for tenants with a request in progress, and for those that have left? The peers know no tenants. */
export async function* memory({ smoke }: SectionOptions): AsyncIterable<Line> {
  yield inProgress(smoke ? 1000 : 100_000);
  yield afterwards(smoke ? 10_000 : 1_000_000);
}

function inProgress(count: number): Line {
  const shedder = createShedder({ concurrency: count });
  const held: unknown[] = [];
  const before = usedBytes();
  for (let i = 0; i < count; i++) held.push(shedder.admit({ tenantId: `tenant-${i}` }));
  const bytes = (usedBytes() - before) / held.length;
  shedder.close();
  return {
    ...{ bench: `shed: ${count} tenants with a request in progress, memory of each`, unit: "bytes", ours: bytes },
    ...judge(bytes, { gate: { atMost: 1024 } }),
  };
}

function afterwards(count: number): Line {
  const shedder = createShedder();
  const before = usedBytes();
  for (let i = 0; i < count; i++) {
    const admission = shedder.admit({ tenantId: `tenant-${i}` });
    if ("admitted" in admission && admission.admitted) admission.release();
  }
  // The demands of the present rounds are let go with the next ones.
  const endMs = performance.now() + 250;
  while (performance.now() < endMs) shedder.stats();
  const mebibytes = (usedBytes() - before) / 2 ** 20;
  const { tenants } = shedder.stats();
  shedder.close();
  return {
    ...{ bench: `shed: after ${count} tenants that came once`, unit: "MiB", ours: mebibytes, tenants },
    ...judge(mebibytes, { gate: { atMost: 1 } }),
  };
}
