/** Parts of a limit that are published when they are reached. */
export const thresholds: readonly number[] = [0.8, 1];
