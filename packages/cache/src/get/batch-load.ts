import type { Engine } from "../coherence/context.js";
import type { Together } from "./flight.js";
import { inTenant } from "./call-loader.js";
import type { Spec } from "../definition/definition.js";

interface Waiting {
  readonly params: unknown;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/**
 * Waits until it is known of each of `count` errands whether it needs a load, and loads those that do in one call.
 * An errand that waits for another process leaves, so that it holds up nobody.
 */
export function createTogether(engine: Engine, spec: Spec, about: { tenantId: string; count: number }): () => Together {
  const waiting: Waiting[] = [];
  let missing = about.count;

  function arrived(): void {
    missing--;
    if (missing === 0 && waiting.length > 0) void loadAll(engine, spec, { tenantId: about.tenantId, waiting });
  }

  return () => {
    let isKnown = false;
    return {
      leave() {
        if (!isKnown) arrived();
        isKnown = true;
      },
      load(params) {
        // It left, and found out later that it has to load: alone.
        if (isKnown) return loadOne(engine, spec, { tenantId: about.tenantId, params });
        isKnown = true;
        return new Promise((resolve, reject) => {
          waiting.push({ params, resolve, reject });
          arrived();
        });
      },
    };
  };
}

async function loadOne(
  engine: Engine,
  spec: Spec,
  { tenantId, params }: { tenantId: string; params: unknown },
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    void loadAll(engine, spec, { tenantId, waiting: [{ params, resolve, reject }] });
  });
}

async function loadAll(
  engine: Engine,
  spec: Spec,
  { tenantId, waiting }: { tenantId: string; waiting: Waiting[] },
): Promise<void> {
  const abort = new AbortController();
  try {
    const load = async (): Promise<readonly unknown[]> =>
      (await spec.loadMany?.(
        waiting.map(({ params }) => params),
        { tenantId, signal: abort.signal },
      )) ?? [];
    const work = engine.context.runInAsyncScope(inTenant<Promise<readonly unknown[]>>, undefined, tenantId, load);
    const values = await spec.deadline(work, `loadMany of cache ${spec.name}`);
    if (!Array.isArray(values) || values.length !== waiting.length) {
      throw new TypeError(
        `cache ${spec.name}: loadMany must return ${waiting.length} values, in the order of its params`,
      );
    }
    for (const [i, { resolve }] of waiting.entries()) resolve(values[i]);
  } catch (error) {
    abort.abort(error);
    for (const { reject } of waiting) reject(error);
  }
}
