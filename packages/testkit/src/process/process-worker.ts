export interface WorkerContext {
  /** 0 … size - 1. */
  readonly index: number;
  readonly size: number;
  /** `args` of the pool. */
  readonly args: unknown;
}

/** Messages from the pool to a worker. `at` is a reading of `process.hrtime`, which all processes of a machine share. */
export type ToWorker =
  | { is: "start"; id: number; context: WorkerContext }
  | { is: "ask"; id: number; message: unknown; hold: boolean }
  | { is: "go"; id: number; at: bigint };

/** Messages from a worker to its pool. */
export type FromWorker =
  | { is: "held"; id: number }
  | { is: "reply"; id: number; value: unknown }
  | { is: "failure"; id: number; error: Error };

/**
 * Answers the pool that started this process: call it once, at the top level of a worker file.
 * Messages are handled as they come, not one after the other. The process ends when the pool does.
 */
export function serveWorker(handler: (message: unknown, context: WorkerContext) => unknown): void {
  if (!process.send) throw new Error("serveWorker: this process was not started by startProcessPool");
  let context: WorkerContext = { index: 0, size: 0, args: undefined };
  const held = new Map<number, unknown>();

  async function answer(id: number, message: unknown): Promise<void> {
    try {
      tell({ is: "reply", id, value: await handler(message, context) });
    } catch (error) {
      tell({ is: "failure", id, error: error instanceof Error ? error : new Error(String(error)) });
    }
  }

  async function hear(said: ToWorker): Promise<void> {
    if (said.is === "start") {
      context = said.context;
      tell({ is: "reply", id: said.id, value: undefined });
    } else if (said.is === "go") {
      const message = held.get(said.id);
      held.delete(said.id);
      await moment(said.at);
      await answer(said.id, message);
    } else if (said.hold) {
      held.set(said.id, said.message);
      tell({ is: "held", id: said.id });
    } else {
      await answer(said.id, said.message);
    }
  }

  process.on("message", (said) => void hear(said as ToWorker));
  process.once("disconnect", () => process.exit());
}

function tell(what: FromWorker): void {
  process.send?.(what);
}

/** A timer is late by up to a millisecond or two, so the last stretch is polled. */
async function moment(at: bigint): Promise<void> {
  const left = (): number => Number(at - process.hrtime.bigint()) / 1e6;
  if (left() > 2) await new Promise<void>((resolve) => setTimeout(resolve, left() - 2));
  while (left() > 0) await new Promise<void>((resolve) => setImmediate(resolve));
}
