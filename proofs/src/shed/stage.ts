/** `fair` shares by tenant; `blind` is the same shedder, which takes all tenants for one. */
export type Kind = "fair" | "blind";

/** The capacity of the server: so many requests at once, each for so long. It waits, so the processor is not its bound. */
export const PLACES = 8;
export const PLACE_MS = 40;
export const CAPACITY = (PLACES * 1000) / PLACE_MS;

/** Rows that a served request renders as JSON: about a millisecond of computing. */
export const ROWS = 1000;

/** A response that came later than this is of no use to its client. */
export const USEFUL_MS = 500;
/** The generator's own delay above which a run says nothing. */
export const LAG_MS = 25;
