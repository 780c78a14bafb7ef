import { tenantKeyPrefix } from "@scale/core/kit";

const SLOTS = 16_384;

/** Redis Cluster slot of all keys of a tenant: CRC-16/XMODEM of its hash tag. Source: the Redis Cluster specification. */
export function slotOf(tenantId: string): number {
  const [, tag = ""] = /\{(.*?)\}/.exec(tenantKeyPrefix("", tenantId)) ?? [];
  let crc = 0;
  for (const byte of Buffer.from(tag)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = ((crc & 0x80_00) === 0 ? crc << 1 : (crc << 1) ^ 0x10_21) & 0xff_ff;
  }
  return crc % SLOTS;
}
