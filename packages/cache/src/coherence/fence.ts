import type { Engine } from "./context.js";
import type { Space } from "./tenant-state.js";

/**
 * Tells whether this process has heard of nothing since now that the tenant's memory would have to know of: only then may
 * what was asked for in between be kept. For what is no flight; a flight is told by itself.
 */
export function unheard({ trust }: Pick<Engine, "trust">, space: Space): () => boolean {
  const { fence } = space;
  const epoch = trust.epoch();
  // A space that was forgotten hears nothing any more: the one in its place does.
  return () => !space.isRetired && space.fence === fence && trust.epoch() === epoch && trust.isPossible;
}
