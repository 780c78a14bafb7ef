// Loads every entry of every published package by its name, with require() and with import, each in a fresh process
// that must end by itself: nothing on import may print, throw, warn or keep the process alive.
import { execFile } from "node:child_process";
import { posix } from "node:path";
import { entries, packages, report } from "../workspace.mjs";

const timeout = 30_000;

const loads = packages()
  .filter(({ manifest }) => !manifest.private)
  .flatMap(({ folder, manifest }) =>
    entries(manifest).flatMap(([entry]) => {
      const name = JSON.stringify(posix.join(manifest.name, entry));
      return [
        { what: `require(${name})`, folder, args: ["-e", `require(${name})`] },
        { what: `import(${name})`, folder, args: ["--input-type=module", "-e", `import ${name}`] },
      ];
    }),
  );

/** Runs in the package's folder, where its own name resolves through its exports. */
const load = ({ what, folder, args }) =>
  new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: folder, timeout }, (error, stdout, stderr) => {
      const printed = `${stdout}${stderr}`.trim();
      if (error?.killed) resolve([`${folder} entries ${what} keeps the process alive`]);
      else resolve(error || printed ? [`${folder} entries ${what}: ${printed || error.message}`] : []);
    });
  });

const problems = [];
const queue = [...loads];
const worker = async () => {
  for (let next = queue.shift(); next; next = queue.shift()) problems.push(...(await load(next)));
};
await Promise.all([worker(), worker()]);
report(problems, `entries: ${loads.length} loads`);
