import type { Piece } from "./keyset.js";

/** A piece of SQL with its values, for `$1` and on. What Prisma's `sql` template makes is one too. */
export interface SqlText {
  readonly text: string;
  readonly values: readonly unknown[];
}

export interface SqlWriter {
  /** The pieces as SQL; their values are added to `values`. */
  write(pieces: readonly Piece[]): string;
  readonly values: readonly unknown[];
}

/** Writes SQL whose parameters follow those of `before`. */
export function createWriter(before: readonly unknown[]): SqlWriter {
  const values = [...before];
  const known = new Map<string, string>();

  // Twice the same value is one parameter.
  function parameter({ value, of }: Exclude<Piece, string | { column: unknown }>): string {
    const name = JSON.stringify([of.column, value]);
    const found = known.get(name);
    if (found !== undefined) return found;
    values.push(value);
    // Without a cast the server takes the type of what the parameter is compared with.
    const written = `$${values.length}${of.type === undefined ? "" : `::text::${of.type}`}`;
    known.set(name, written);
    return written;
  }

  const one = (piece: Piece): string => {
    if (typeof piece === "string") return piece;
    return "column" in piece ? quoteName(piece.column.column) : parameter(piece);
  };
  return { values, write: (pieces) => pieces.map(one).join("") };
}

/** `o.created_at` as SQL writes it, whatever the names contain. */
export const quoteName = (name: string): string =>
  name
    .split(".")
    .map((part) => `"${part.replaceAll('"', '""')}"`)
    .join(".");
