import type { Settlement } from "./store.js";

/** Characters of outputs in one call of a store. */
const MAX_CHARS = 8 * 1024 ** 2;

/** The first runs of a list whose settlements one call carries: at least one, however large its output is. */
export function settleBatch<Run extends { readonly settlement: Settlement }>(runs: readonly Run[], max: number): Run[] {
  const batch: Run[] = [];
  let chars = 0;
  for (const run of runs) {
    const { settlement } = run;
    chars += settlement.kind === "completed" ? (settlement.output?.length ?? 0) : 0;
    if (batch.length === max || (chars > MAX_CHARS && batch.length > 0)) break;
    batch.push(run);
  }
  return batch;
}
