/** Redis of a run, and the settings of the hub in every process. */
export interface HubSetup {
  readonly redisUrl: string;
  readonly prefix: string;
  readonly afterRestart: "reset" | "resume";
  readonly historyEvents: number;
}

/** The two topics of every client. */
export const TOPICS = ["a", "b"] as const;
export const TENANT = "acme";

/** Seed of the drops and of the hops between processes. */
export const SEED = 20_261_130;
