/** Frameworks alone, and each with what refuses requests in front. */
export const KINDS = ["express", "ours", "toobusy", "fastify", "underPressure"] as const;
export type Kind = (typeof KINDS)[number];

/** Whether requests are admitted or refused. */
export type Mode = "admitted" | "refused";
