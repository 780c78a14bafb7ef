/** A message of a channel, whose fields are those of the events page. */
export type Message = Readonly<Record<string, unknown>>;

/** A field as text: strings and numbers alone, so that no object and no error ends up on the page. */
export function text(value: unknown, instead = "?"): string {
  if (typeof value === "string") return value.slice(0, 100);
  return typeof value === "number" && Number.isFinite(value) ? String(Math.round(value)) : instead;
}

export const isObject = (value: unknown): value is Message => typeof value === "object" && value !== null;

/** Items of a field that is a list; of any other, none. */
export const itemsOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
