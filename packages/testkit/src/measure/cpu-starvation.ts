/** The times in which the machine did not let this process run. */
export interface CpuStarvation {
  /** Call it every `everyMs`. The delay of a call, less the CPU time of this process, is starvation. */
  tick(): void;
  /** Milliseconds of starvation between two readings of the monotonic clock. */
  between(from: number, to: number): number;
}

interface Piece {
  readonly from: number;
  readonly to: number;
}

/** Timers come up to a millisecond late by themselves. */
const USUAL_MS = 1;

/**
 * Watches how long other programs keep this process from running, because a process that does not run cannot keep a
 * deadline. Time in which this process itself computes is not starvation.
 */
export function watchCpuStarvation(everyMs: number): CpuStarvation {
  const pieces: Piece[] = [];
  let last = performance.now();
  let cpu = process.cpuUsage();
  return {
    tick() {
      const now = performance.now();
      const { user, system } = process.cpuUsage(cpu);
      const starvedMs = now - last - everyMs - (user + system) / 1000;
      if (starvedMs > USUAL_MS) pieces.push({ from: now - starvedMs, to: now });
      last = now;
      cpu = process.cpuUsage();
    },
    between(from, to) {
      let sum = 0;
      for (let i = firstAfter(pieces, from); i < pieces.length; i++) {
        const piece = pieces[i] as Piece;
        if (piece.from >= to) break;
        sum += Math.min(piece.to, to) - Math.max(piece.from, from);
      }
      return sum;
    },
  };
}

/** The index of the first piece that ends after a time. */
function firstAfter(pieces: readonly Piece[], time: number): number {
  let [low, high] = [0, pieces.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((pieces[middle] as Piece).to > time) high = middle;
    else low = middle + 1;
  }
  return low;
}
