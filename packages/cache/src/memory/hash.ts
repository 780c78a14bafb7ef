/**
 * 32 bits of a text, never 0. Whoever picks texts can make them collide.
 * Source: FNV-1a (Fowler, Noll, Vo), with a mixing step, because only low bits are used as an index.
 */
export function hashOf(seed: number, text: string): number {
  let hash = seed ^ 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return hash ^ (hash >>> 13) || 1;
}
