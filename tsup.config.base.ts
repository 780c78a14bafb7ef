import { readFileSync } from "node:fs";
import type { Options } from "tsup";

interface Manifest {
  readonly exports: Readonly<Record<string, string | { readonly "@scale/source": string; readonly default?: string }>>;
}

/** The sources of the doors that the package publishes: those with a built file. tsup runs in the folder of the package. */
function doors(): string[] {
  const { exports } = JSON.parse(readFileSync("package.json", "utf8")) as Manifest;
  return Object.values(exports).flatMap((door) =>
    typeof door === "object" && door.default !== undefined ? door["@scale/source"] : [],
  );
}

/** JavaScript only: declarations come from `tsc`, because tsup 8.5's `dts` needs the compiler API that TypeScript 7 dropped. */
export const lib = (entry: string[] = doors()): Options => ({
  entry,
  format: "esm",
  target: "node20.19",
  platform: "node",
  sourcemap: true,
  clean: true,
  dts: false,
  // Shared chunks: without them a class is copied into every entry and each copy is a different class.
  splitting: true,
  silent: true,
});

/** For programs that import a package's private `./scenarios`, which exist as sources only and so become part of the bundle. */
export const bundledScenarios: Options = {
  noExternal: [/^@scale\/[^/]+\/scenarios$/],
  esbuildOptions(options) {
    options.conditions = ["@scale/source"];
  },
};
