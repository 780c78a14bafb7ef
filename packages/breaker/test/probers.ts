import type { BreakerState } from "@scale/breaker";
import { type ProcessPool, startProcessPool } from "@scale/testkit";

export interface ProberArgs {
  readonly url: string;
  readonly prefix: string;
  readonly leaseMs: number;
}

export type ProberAsk =
  | { readonly is: "trip" }
  | { readonly is: "call"; readonly forMs: number; readonly isUp: boolean };

export interface ProberReply {
  readonly state: BreakerState;
  readonly refused: number;
}

/** Processes with one shared breaker each. */
export function startProbers(size: number, args: ProberArgs): Promise<ProcessPool<ProberReply>> {
  return startProcessPool<ProberReply>({
    ...{ size, args },
    script: new URL("./prober.worker.ts", import.meta.url),
    parse: (reply) => reply as ProberReply,
  });
}
