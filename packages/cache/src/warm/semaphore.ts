/** Lets so many in at the same time. The others wait, in the order in which they came. */
export interface Slots {
  take(): Promise<void>;
  give(): void;
}

export function createSlots(count: number): Slots {
  const line: (() => void)[] = [];
  let free = count;
  return {
    async take() {
      if (free > 0) {
        free--;
        return;
      }
      await new Promise<void>((resolve) => {
        line.push(resolve);
      });
    },
    give() {
      const next = line.shift();
      // It goes on to the next without ever being free: nobody who comes now gets it first.
      if (next === undefined) free++;
      else next();
    },
  };
}
