/** Labels in their order. */
export type LabelPairs = readonly (readonly [name: string, value: string])[];

/** Escapes a label value for the text formats: backslash, quote and line feed. */
const escapeLabel = (value: string): string =>
  /[\\"\n]/.test(value)
    ? value.replaceAll("\\", String.raw`\\`).replaceAll('"', String.raw`\"`).replaceAll("\n", String.raw`\n`)
    : value;

/** Labels as the text formats have them, without braces. */
export const labelText = (labels: LabelPairs): string =>
  labels.map(([name, value]) => `${name}="${escapeLabel(value)}"`).join(",");
