/** Pieces on which parsers of headers, tokens, paths and messages tend to stumble. */
const PIECES = [
  ...[
    ",",
    ";",
    "=",
    ":",
    "|",
    ".",
    "/",
    "\\",
    '"',
    "'",
    "%",
    "[",
    "]",
    "{",
    "}",
    "<",
    ">",
    "(",
    ")",
    "&",
    "?",
    "#",
    "*",
  ],
  ...[
    "%2e",
    "%2E%2e",
    "%00",
    "%ff",
    "%u0000",
    "..",
    "//",
    "\\\\",
    "\u0000",
    "\u007f",
    "\u00a0",
    "é",
    "\ud800",
    "\udc00",
  ],
  ...[
    "for=",
    "by=",
    "host=",
    "proto=",
    "127.0.0.1",
    "::1",
    "[::1]:80",
    "::ffff:1.2.3.4",
    "_hidden",
    "unknown",
    "999.1.1.1",
  ],
  ...[
    "Bearer ",
    "v1.",
    "e30",
    "eyJhIjoxfQ",
    "scale_db=",
    "__proto__",
    "constructor",
    "toString",
    "null",
    "NaN",
    "-0",
    "1e309",
  ],
  ...[
    "9007199254740993",
    "-1",
    "0x10",
    '{"a":',
    "[[",
    "]]",
    "\\u005f_proto__",
    "\\",
    " ",
    "\t",
    "\r\n",
    "a".repeat(64),
  ],
] as const;

/** A string of pieces, of a valid input that was changed, or of one piece again and again. */
export function fuzzInput(random: () => number, valid: readonly string[]): string {
  const pick = <T>(list: readonly T[]): T | undefined => list[Math.floor(random() * list.length)];
  const kind = random();
  if (kind < 0.45) return mutate(pick(valid) ?? "", random, pick);
  if (kind < 0.9) return Array.from({ length: 1 + Math.floor(random() * 24) }, () => pick(PIECES)).join("");
  return (pick(PIECES) ?? "").repeat(1 + Math.floor(random() * 2000));
}

function mutate(text: string, random: () => number, pick: <T>(list: readonly T[]) => T | undefined): string {
  let changed = text;
  for (let n = 1 + Math.floor(random() * 4); n > 0; n--) {
    const at = Math.floor(random() * (changed.length + 1));
    const until = Math.min(changed.length, at + Math.floor(random() * 4));
    const piece = random() < 0.7 ? pick(PIECES) : changed.slice(0, at);
    changed = changed.slice(0, at) + (piece ?? "") + changed.slice(until);
  }
  return changed;
}

/** Texts that a slow parser takes much longer for when they are twice as long. */
export function growingInputs(length: number, valid: readonly string[]): readonly string[] {
  const repeat = (piece: string): string => piece.repeat(Math.ceil(length / piece.length)).slice(0, length);
  const heads = ["", ...valid.map((text) => text.slice(0, Math.ceil(text.length / 2)))];
  return [...PIECES, " ,", "=;", "a.", "a:", 'for="', "(a", "%25", "a=b; "].flatMap((piece) =>
    heads.map((head) => head + repeat(piece)),
  );
}
