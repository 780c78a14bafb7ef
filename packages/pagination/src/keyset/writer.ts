import type { SqlToken } from "./keyset.js";

/** A fragment of SQL and its values for `$1`, `$2`, …. The result of Prisma's `sql` template is one too. */
export interface SqlFragment {
  readonly text: string;
  readonly values: readonly unknown[];
}

export interface SqlWriter {
  /** Writes tokens as SQL and adds their values to `values`. */
  write(pieces: readonly SqlToken[]): string;
  readonly values: readonly unknown[];
}

/** Creates a writer whose parameters follow those of `before`. */
export function createWriter(before: readonly unknown[]): SqlWriter {
  const values = [...before];
  const known = new Map<string, string>();

  // The same value of the same column is one parameter.
  function parameter({ value, of }: Exclude<SqlToken, string | { column: unknown }>): string {
    const name = JSON.stringify([of.column, value]);
    const found = known.get(name);
    if (found !== undefined) return found;
    values.push(value);
    // Without a cast the server infers the type from the column that the parameter is compared with.
    const written = `$${values.length}${of.type === undefined ? "" : `::text::${of.type}`}`;
    known.set(name, written);
    return written;
  }

  const one = (piece: SqlToken): string => {
    if (typeof piece === "string") return piece;
    return "column" in piece ? quoteName(piece.column.column) : parameter(piece);
  };
  return { values, write: (pieces) => pieces.map(one).join("") };
}

/** Quotes a name such as `o.created_at`, with any characters. */
export const quoteName = (name: string): string =>
  name
    .split(".")
    .map((part) => `"${part.replaceAll('"', '""')}"`)
    .join(".");
