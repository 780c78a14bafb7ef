/** What must be undone, in the order opposite to that in which it was done. */
export interface Teardown {
  /** @param undo is called once, whatever the others do */
  defer(undo: () => unknown): void;
  /**
   * Undoes everything. A second call waits for the first.
   * @throws {unknown} the first failure, after everything was tried
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
