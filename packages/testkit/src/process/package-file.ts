import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

/**
 * The url of a file in a workspace package.
 * The package is resolved by name, so a bundle of the caller finds the same file as its source.
 * @param from the caller's `import.meta.url`; its package must depend on `name`, or be `name`
 */
export function packageFile(from: string, name: string, path: string): URL {
  return new URL(path, pathToFileURL(createRequire(from).resolve(`${name}/package.json`)));
}
