const MAX_LENGTH = 80;

/** Formats a value for an error message: short, on one line, passwords in URLs masked. Never throws. */
export function describeValue(value: unknown): string {
  if (typeof value === "function") return "a function";
  if (typeof value === "bigint") return `${value}n`;
  if (value === undefined || typeof value === "number" || typeof value === "symbol") return String(value);
  let json: string;
  try {
    json = JSON.stringify(value) ?? typeof value;
  } catch {
    // A cycle or a throwing toJSON: only the type is left to show.
    json = Object.prototype.toString.call(value);
  }
  // A connection URL passed where a client was expected would otherwise put its password into the start-up log.
  json = json.replaceAll(/\/\/[^/@\s]*@/g, "//***@");
  return json.length > MAX_LENGTH ? `${json.slice(0, MAX_LENGTH)}…` : json;
}
