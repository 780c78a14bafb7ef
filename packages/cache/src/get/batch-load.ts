import type { ParsedDefinition } from "../definition/definition.js";
import { inTenant } from "./call-loader.js";
import type { BatchSlot } from "./flight.js";

interface PendingLoad {
  readonly params: unknown;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/**
 * Creates a batch of `count` requests. It waits until each request has asked for its load or withdrawn, and then loads all
 * that asked with one `loadMany`. A request that waits for another process withdraws, so that it delays no other.
 */
export function createLoadBatch(
  definition: ParsedDefinition,
  { tenantId, count }: { tenantId: string; count: number },
): () => BatchSlot {
  const pending: PendingLoad[] = [];
  let undecided = count;
  const load = (loads: readonly PendingLoad[]): void => void loadAll(definition, { tenantId, loads });

  function decide(): void {
    undecided--;
    if (undecided === 0 && pending.length > 0) load(pending);
  }

  return () => {
    let isDecided = false;
    return {
      withdraw() {
        if (!isDecided) decide();
        isDecided = true;
      },
      load(params) {
        return new Promise((resolve, reject) => {
          // The request had withdrawn, and has to load after all: alone.
          if (isDecided) return load([{ params, resolve, reject }]);
          isDecided = true;
          pending.push({ params, resolve, reject });
          decide();
        });
      },
    };
  };
}

async function loadAll(
  definition: ParsedDefinition,
  { tenantId, loads }: { tenantId: string; loads: readonly PendingLoad[] },
): Promise<void> {
  const abort = new AbortController();
  const { name } = definition;
  try {
    const load = async (): Promise<readonly unknown[]> =>
      (await definition.loadMany?.(
        loads.map(({ params }) => params),
        { tenantId, signal: abort.signal },
      )) ?? [];
    const work = inTenant(tenantId, load);
    const values = await definition.deadline(work, `loadMany of cache ${name}`);
    if (!Array.isArray(values) || values.length !== loads.length) {
      throw new TypeError(`cache ${name}: loadMany must return ${loads.length} values, in the order of its params`);
    }
    for (const [i, { resolve, reject }] of loads.entries()) {
      const value: unknown = values[i];
      if (value instanceof Error) reject(value);
      else resolve(value);
    }
  } catch (error) {
    abort.abort(error);
    for (const { reject } of loads) reject(error);
  }
}
