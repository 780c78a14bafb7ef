// A throw-away repository with the given files, and a way to run one of our scripts in it.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { after } from "node:test";
import { fileURLToPath } from "node:url";

const scripts = fileURLToPath(new URL("..", import.meta.url));
const bin = fileURLToPath(new URL("../../node_modules/.bin", import.meta.url));

/** @param {Record<string, string | object>} files path to text, or to what its JSON is */
export function fixture(files) {
  const root = mkdtempSync(join(tmpdir(), "scale-scripts-"));
  after(() => rmSync(root, { recursive: true, force: true }));
  const write = (changes) => {
    for (const [path, content] of Object.entries(changes)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), typeof content === "string" ? content : JSON.stringify(content));
    }
  };
  write(files);
  return {
    root,
    write,
    /** @returns {{ code: number | null, output: string }} */
    run(script, ...args) {
      const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` };
      const options = { cwd: root, encoding: "utf8", env, timeout: 60_000 };
      const { status, stdout, stderr } = spawnSync(process.execPath, [join(scripts, script), ...args], options);
      return { code: status, output: stdout + stderr };
    },
  };
}

/** The manifest of a package with one entry. */
export const manifest = (name, more = {}) => ({
  name: `@scale/${name}`,
  type: "module",
  exports: {
    ".": { "@scale/source": "./src/index.ts", types: "./dist/index.d.ts", default: "./dist/index.js" },
    "./package.json": "./package.json",
  },
  ...more,
});
