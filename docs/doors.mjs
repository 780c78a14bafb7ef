// The doors of the published packages, read from their package.json: the API reference has one page for each.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";

const packages = fileURLToPath(new URL("../packages", import.meta.url));

/** @returns {{ name: string, source: string, page: string }[]} `@scale/core/redis`, its source file, its page below /api/ */
export function doors() {
  return readdirSync(packages)
    .toSorted()
    .map((folder) => join(packages, folder))
    .filter((folder) => existsSync(join(folder, "package.json")))
    .flatMap((folder) => {
      const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
      if (manifest.private) return [];
      return (
        Object.entries(manifest.exports)
          // Private entries are sources only.
          .filter(([, target]) => target["@scale/source"] !== undefined && target.default !== undefined)
          .map(([entry, target]) => {
            const name = posix.join(manifest.name, entry);
            return { name, source: join(folder, target["@scale/source"]), page: name.replace("@scale/", "") };
          })
      );
    })
    .filter(({ source }) => existsSync(source));
}
