import type { Daemon } from "./daemon.js";

/** Holds one daemon at a time, over any number of restarts. */
export interface DaemonSlot {
  /** `undefined` while the program is down. */
  readonly running: Daemon | undefined;
  /** Output of the current or last process. */
  output(): string;
  /** Does nothing when the program runs. */
  start(): Promise<void>;
}

export function daemonSlot(launch: () => Promise<Daemon>): DaemonSlot {
  let last: Daemon | undefined;
  let alive = false;
  return {
    get running() {
      return alive ? last : undefined;
    },
    output: () => last?.output() ?? "",
    start: async () => {
      if (alive) return;
      const started = await launch();
      last = started;
      alive = true;
      void started.exited.then(() => {
        if (last === started) alive = false;
      });
    },
  };
}
