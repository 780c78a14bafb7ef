/** A stack of cleanup functions that run in reverse order. */
export interface Teardown {
  /** @param undo is called once, even when another cleanup fails */
  defer(undo: () => unknown): void;
  /**
   * Runs all cleanups. A second call waits for the first.
   * @throws {unknown} the first failure, after all cleanups ran
   */
  run(): Promise<void>;
}

export function createTeardown(): Teardown {
  const undos: (() => unknown)[] = [];
  let running: Promise<void> | undefined;

  async function undoAll(): Promise<void> {
    const failures: unknown[] = [];
    for (let undo = undos.pop(); undo !== undefined; undo = undos.pop()) {
      try {
        await undo();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  return {
    defer: (undo) => void undos.push(undo),
    run: () => (running ??= undoAll()),
  };
}
