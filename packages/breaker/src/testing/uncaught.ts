/**
 * Runs work and returns what became an uncaught exception meanwhile. Node throws errors of subscribers outside of the code that
 * publishes; the test runner would take them for its own.
 */
export async function collectUncaught(work: () => Promise<void>): Promise<unknown[]> {
  const listeners = process.listeners("uncaughtException");
  const errors: unknown[] = [];
  const collect = (error: unknown): void => void errors.push(error);
  process.removeAllListeners("uncaughtException");
  process.on("uncaughtException", collect);
  try {
    await work();
    await new Promise<void>((resolve) => process.nextTick(resolve));
  } finally {
    process.off("uncaughtException", collect);
    for (const listener of listeners) process.on("uncaughtException", listener);
  }
  return errors;
}
