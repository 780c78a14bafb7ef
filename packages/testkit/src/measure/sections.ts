import type { Line } from "./line.js";
import { runSectionsApart } from "./sections-apart.js";

/** Measures on real components. Yields each line as soon as it is known. */
export type Section = (options: SectionOptions) => AsyncIterable<Line>;

export interface SectionOptions {
  /** A short run that shows that everything works. Its figures mean nothing, and a missed gate fails nothing. */
  smoke: boolean;
}

export interface RunSectionsOptions {
  /** Sections by name, each loaded when it runs. */
  sections: Readonly<Record<string, () => Promise<Section>>>;
  /** The command line: names of sections, none for all, and `--json`, `--smoke`. */
  argv: readonly string[];
  /** Takes one line of output, or the lines of a section. */
  print: (text: string) => void;
  /** The program that calls this, and the number of its processes in a smoke run. @default the sections run here, in order */
  smokeApart?: { readonly script: string; readonly processes: number };
}

/**
 * Runs the benches or proofs of a command line and prints their lines: JSON objects with `--json`, readable ones without.
 * @returns the exit code: 0, 1 when a line does not pass, 2 for a command line that cannot be understood
 */
export async function runSections({ sections, argv, print, smokeApart }: RunSectionsOptions): Promise<number> {
  const flags = new Set(argv.filter((word) => word.startsWith("--")));
  const names = argv.filter((word) => !word.startsWith("--"));
  const known = Object.keys(sections);
  const wrong = [...names.filter((name) => !known.includes(name)), ...[...flags].filter((flag) => !FLAGS.has(flag))];
  if (wrong.length > 0) {
    print(`unknown: ${wrong.join(", ")}; known: ${[...known, ...FLAGS].join(", ")}`);
    return 2;
  }
  const smoke = flags.has("--smoke");
  const wanted = names.length > 0 ? names : known;
  if (smoke && smokeApart !== undefined && wanted.length > 1) {
    return runSectionsApart(wanted, { ...smokeApart, flags: [...flags], print });
  }
  const show = flags.has("--json") ? JSON.stringify : readable;
  let failed = 0;
  for (const name of wanted) {
    const section = await sections[name]?.();
    if (section === undefined) continue;
    for await (const line of section({ smoke })) {
      print(show(line));
      if (!line.pass && !smoke) failed++;
    }
  }
  return failed === 0 ? 0 : 1;
}

const FLAGS = new Set(["--json", "--smoke"]);

function readable({ pass, ...rest }: Line): string {
  const fields = Object.entries(rest).map(
    ([name, value]) => `${name} ${typeof value === "number" ? round(value) : value}`,
  );
  return `${pass ? "pass" : "FAIL"}  ${fields.join("  ")}`;
}

/** Four digits tell a ratio and a rate alike. */
const round = (value: number): string => String(Number(value.toPrecision(4)));
