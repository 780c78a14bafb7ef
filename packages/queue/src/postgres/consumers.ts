import type { Consumer, JobHandler, ConsumeOptions } from "../store.js";
import type { FunctionCalls } from "./calls.js";
import { createConsumer, type LocalConsumer } from "./consumer.js";
import type { PostgresQueueOptions } from "./options.js";

/** The consumers of one open queue. */
export interface Consumers {
  start(handler: JobHandler, options: ConsumeOptions): Consumer;
  /** Jobs were added by this process. */
  wake(): void;
  close(): Promise<void>;
}

export function createConsumers(options: PostgresQueueOptions, call: FunctionCalls): Consumers {
  const open = new Set<LocalConsumer>();
  return {
    start(handler, consume) {
      const consumer = createConsumer({ ...options, ...consume, call, handler });
      open.add(consumer);
      return {
        ready: () => consumer.ready(),
        stop: () => consumer.stop(),
        async close() {
          await consumer.close();
          open.delete(consumer);
        },
      };
    },
    wake() {
      for (const consumer of open) consumer.wake();
    },
    async close() {
      await Promise.all([...open].map((consumer) => consumer.close()));
      open.clear();
    },
  };
}
