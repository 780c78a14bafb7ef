/** Values deeper than this are refused: whoever reads them calls itself for each level. */
export const MAX_DEPTH = 200;
/** Of one value. */
export const MAX_BYTES: number = 64 * 1024 * 1024;
