/** A map that forgets its oldest entry when one too many comes. Setting a key again makes it the newest. */
export function boundedMap<V>(maxEntries: number): Map<string, V> {
  const entries = new Map<string, V>();
  const set = entries.set.bind(entries);
  entries.set = (key, value) => {
    entries.delete(key);
    set(key, value);
    if (entries.size > maxEntries) {
      for (const oldest of entries.keys()) {
        entries.delete(oldest);
        break;
      }
    }
    return entries;
  };
  return entries;
}
