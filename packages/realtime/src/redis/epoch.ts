import { randomUUID } from "node:crypto";

/** An epoch for a tenant that has none: 32 random hexadecimal digits. */
export const newEpoch = (): string => randomUUID().replaceAll("-", "");
