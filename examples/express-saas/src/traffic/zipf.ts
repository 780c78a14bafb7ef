/**
 * Returns a function that picks an index from 0 to `count` - 1 by Zipf's law: the n-th is picked 1/n times as often as the
 * first, which resembles the traffic of real customers.
 * @param random returns numbers in [0, 1)
 */
export function zipf(count: number, random: () => number): () => number {
  const upTo: number[] = [];
  for (let n = 1, sum = 0; n <= count; n++) upTo.push((sum += 1 / n));
  const total = upTo.at(-1) ?? 0;
  return () => {
    const point = random() * total;
    return upTo.findIndex((bound) => point < bound);
  };
}
