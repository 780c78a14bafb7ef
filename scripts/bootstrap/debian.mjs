// Unpacks Debian packages into a folder of .cache: no root, no service, no container, and nothing outside that folder. They
// come from the mirror that the machine's apt uses, checked by apt's signatures.
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";

const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
/** Folder of the libraries, and the loader of programs. */
const machines = {
  x64: ["x86_64-linux-gnu", "ld-linux-x86-64.so.2"],
  arm64: ["aarch64-linux-gnu", "ld-linux-aarch64.so.1"],
};

/** The machine cannot fetch the packages; the message says why. */
export class Refusal extends Error {}

/** Without `C` apt words its errors in the language of the machine. */
export function run(command, args, cwd) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: "utf8",
    env: { ...process.env, LC_ALL: "C" },
  });
  if (error) throw new Refusal(`${command}: ${error.message}`);
  if (status === 0) return stdout;
  const reason = /^E: .*/m.exec(stderr)?.[0] ?? stderr.trim().split("\n").at(-1);
  throw new Refusal(`${command} failed: ${reason}`);
}

function debianMirror() {
  const parts = "/etc/apt/sources.list.d";
  const files = [
    "/etc/apt/sources.list",
    ...(fs.existsSync(parts) ? fs.readdirSync(parts).map((name) => join(parts, name)) : []),
  ];
  for (const file of files.filter((file) => fs.existsSync(file))) {
    const found = /^(?:URIs:\s*|deb (?:\[.*?\] )?)(\S+\/debian)\/?(?:\s|$)/m.exec(fs.readFileSync(file, "utf8"));
    if (found) return found[1];
  }
  throw new Refusal("no Debian mirror in /etc/apt");
}

/** Downloads packages with an apt that knows this suite alone and believes that nothing is installed. */
function download(suite, packages, { mirror, work, into }) {
  const state = join(work, suite);
  for (const folder of ["lists/partial", "archives/partial"]) fs.mkdirSync(join(state, folder), { recursive: true });
  fs.writeFileSync(join(state, "sources.list"), `deb [signed-by=${keyring}] ${mirror} ${suite} main\n`);
  // The real one would make apt prefer the versions of this machine, which may be gone from the archive.
  fs.writeFileSync(join(state, "status"), "");
  const options = {
    "Dir::Etc::SourceList": join(state, "sources.list"),
    "Dir::Etc::SourceParts": "/dev/null",
    "Dir::State::Lists": join(state, "lists"),
    "Dir::State::status": join(state, "status"),
    "Dir::Cache": state,
    "APT::Sandbox::User": "",
    "Acquire::Languages": "none",
    "APT::Update::Error-Mode": "any",
    "Acquire::Retries": "1",
  };
  const flags = Object.entries(options).flatMap(([key, value]) => ["-o", `${key}=${value}`]);
  run("apt-get", [...flags, "-qq", "update"], state);
  run("apt-get", [...flags, "-qq", "download", ...packages], into);
}

/**
 * Unpacks packages into `<cache>/<name>/root`, by suite: `{ bookworm: ["haproxy"] }`.
 * @param finish completes the folder that it gets, for the library folder and the loader of this machine
 * @throws {Refusal}
 */
export function fetchDebian({ cache, name, from, finish }) {
  const machine = machines[process.arch];
  if (!machine) throw new Refusal(`no packages for ${process.arch}`);
  const mirror = debianMirror();
  fs.mkdirSync(cache, { recursive: true });
  const work = fs.mkdtempSync(join(cache, ".fetch-"));
  try {
    const debs = join(work, "debs");
    const half = join(work, name);
    for (const folder of [debs, half]) fs.mkdirSync(folder, { recursive: true });
    for (const [suite, packages] of Object.entries(from)) download(suite, packages, { mirror, work, into: debs });
    for (const deb of fs.readdirSync(debs)) run("dpkg", ["-x", join(debs, deb), join(half, "root")]);
    finish(half, machine);
    // Last, so that an interrupted fetch never looks like a whole one; another run may have been first.
    if (!fs.existsSync(join(cache, name))) fs.renameSync(half, join(cache, name));
  } finally {
    fs.rmSync(work, { recursive: true, force: true });
  }
}

/** Prints a refusal with advice and sets the exit code; other errors are thrown. */
export function refuse(error, script, advice) {
  if (!(error instanceof Refusal)) throw error;
  console.error(`${script}: ${error.message}; ${advice}`);
  process.exitCode = 1;
}
