/**
 * Yields the entries of a list header from the last to the first, on demand. Everything left of the entry at which the
 * reader stops may come from the client, at any length; it is never parsed.
 * Commas are split before quotes: an open quote from a client must not swallow the entry that a proxy appends.
 */
export function* entriesFromRight(value: string): Generator<string, void, undefined> {
  let end = value.length;
  while (end >= 0) {
    // A negative position would be read as 0.
    const comma = end === 0 ? -1 : value.lastIndexOf(",", end - 1);
    yield value.slice(comma + 1, end);
    end = comma;
  }
}

/**
 * Returns the value of the one `for` parameter of an element of `Forwarded`, without its quotes. An element without it,
 * with two, or with an open quote is not trustworthy and gives an empty string.
 * One pass over the element, whatever it contains.
 * Source: RFC 7239 section 4.
 */
export function forwardedFor(element: string): string {
  const [found, ...others] = pairsOf(element)
    .map((pair) => pair.trim())
    .filter((pair) => pair.slice(0, 4).toLowerCase() === "for=");
  return found === undefined || others.length > 0 ? "" : unquoted(found.slice(4));
}

function pairsOf(element: string): string[] {
  const pairs: string[] = [];
  let start = 0;
  let quoted = false;
  for (let at = 0; at < element.length; at++) {
    const char = element[at];
    if (char === "\\") {
      // Only quoted strings have escapes. Elsewhere this is the rest of one that was split at a comma inside of it.
      if (!quoted) return [];
      at += 1;
    } else if (char === '"') {
      quoted = !quoted;
    } else if (char === ";" && !quoted) {
      pairs.push(element.slice(start, at));
      start = at + 1;
    }
  }
  return quoted ? [] : [...pairs, element.slice(start)];
}

const unquoted = (value: string): string =>
  value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
