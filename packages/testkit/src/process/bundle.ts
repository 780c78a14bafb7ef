import { readFile } from "node:fs/promises";
import { isBuiltin } from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Plugin } from "esbuild";

/** `import.meta.url` outside of quotes. */
const OWN_URL = /(?<!["'`])\bimport\.meta\.url\b/g;
const SECOND_LOOK = Symbol("second look");

/** Leaves installed packages where they are: the bundle lies outside the workspace and could not find them by name. */
const installedByUrl: Plugin = {
  name: "installed-by-url",
  setup(build) {
    build.onResolve({ filter: /^[^./]/ }, async ({ path, importer, resolveDir, kind, pluginData }) => {
      if (pluginData === SECOND_LOOK || isBuiltin(path)) return undefined;
      const found = await build.resolve(path, { importer, resolveDir, kind, pluginData: SECOND_LOOK });
      if (found.errors.length > 0 || !found.path.includes("/node_modules/")) return found;
      return { path: pathToFileURL(found.path).href, external: true };
    });
  },
};

/** A module that looks for files beside itself must find those of its source. */
const ownUrls: Plugin = {
  name: "own-urls",
  setup(build) {
    build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const source = await readFile(path, "utf8");
      return { loader: "ts", contents: source.replaceAll(OWN_URL, JSON.stringify(pathToFileURL(path).href)) };
    });
  },
};

/**
 * Turns a TypeScript module and the workspace sources that it imports into one file that every supported Node runs.
 * @returns the bundle's path in `folder`
 */
export async function bundle(script: URL, folder: string): Promise<string> {
  const outfile = join(folder, "worker.mjs");
  // Loaded on use: only tests have TypeScript to bundle.
  const { build } = await import("esbuild");
  await build({
    entryPoints: [fileURLToPath(script)],
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20.19",
    conditions: ["@scale/source"],
    sourcemap: "inline",
    logLevel: "silent",
    plugins: [installedByUrl, ownUrls],
  });
  return outfile;
}
