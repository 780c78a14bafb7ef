/** One line of an exposition in text. */
export interface ParsedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Name and labels as they stand in the line. */
  readonly series: string;
  readonly value: number;
}

const LINE =
  /^(?<series>(?<name>[a-zA-Z_:][\w:]*)(?:\{(?<labels>(?:[a-zA-Z_]\w*="(?:[^"\\]|\\.)*",?)*)\})?) (?<value>\S+)(?: # .*)?$/u;
const LABEL = /(?<name>[a-zA-Z_]\w*)="(?<value>(?:[^"\\]|\\.)*)"/gu;

/**
 * Reads the text formats strictly.
 * @throws {Error} for a line that is neither a comment nor a sample, and for a series that is there twice
 */
export function parseText(text: string): ParsedSample[] {
  const seen = new Set<string>();
  return text.split("\n").flatMap((line) => {
    if (line === "" || line.startsWith("#")) return [];
    const found = LINE.exec(line)?.groups;
    if (found === undefined) throw new Error(`not a sample: ${line}`);
    const { series = "", name = "", labels = "", value = "" } = found;
    if (seen.has(series)) throw new Error(`twice: ${series}`);
    seen.add(series);
    return [{ series, name, labels: labelsOf(labels), value: numberOf(value) }];
  });
}

function labelsOf(text: string): Record<string, string> {
  const labels: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const { groups } of text.matchAll(LABEL)) {
    labels[groups?.["name"] ?? ""] = (groups?.["value"] ?? "").replaceAll(/\\(.)/g, (_, c: string) =>
      c === "n" ? "\n" : c,
    );
  }
  return labels;
}

const numberOf = (text: string): number =>
  text === "+Inf" ? Number.POSITIVE_INFINITY : text === "-Inf" ? Number.NEGATIVE_INFINITY : Number(text);
