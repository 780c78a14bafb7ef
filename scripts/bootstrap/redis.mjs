// Fetches Redis and Valkey servers into .cache/redis for a machine that has none: no root, no service, no container, and
// nothing outside that folder. They come from the Debian mirror that the machine's apt uses, checked by apt's signatures.
// `node scripts/bootstrap/redis.mjs [redis-7] [valkey-8] [redis-8]`, by default redis-7.
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const cache = fileURLToPath(new URL("../../.cache/redis", import.meta.url));
const advice = "install redis-server (apt, brew) or set SCALE_TEST_REDIS to a program";
const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
const machines = {
  x64: ["x86_64-linux-gnu", "ld-linux-x86-64.so.2"],
  arm64: ["aarch64-linux-gnu", "ld-linux-aarch64.so.1"],
};

const shared = ["libatomic1", "libjemalloc2", "liblua5.1-0", "liblzf1", "libsystemd0", "lua-bitop", "lua-cjson"];
// Debian keeps the server in the -tools package: one program that looks at the name it is called by.
const servers = {
  "redis-7": { program: "redis", from: { bookworm: ["redis-tools", "libssl3", ...shared] } },
  "valkey-8": { program: "valkey", from: { "bookworm-backports": ["valkey-tools"], bookworm: ["libssl3", ...shared] } },
  "redis-8": {
    program: "redis",
    // Newer than the C library of the release before it, so it brings its own, with the loader that belongs to it.
    ownLibc: true,
    from: {
      trixie: [
        "redis-tools",
        "libssl3t64",
        ...shared,
        "libc6",
        "libcap2",
        "libgcc-s1",
        "libstdc++6",
        "libzstd1",
        "zlib1g",
      ],
    },
  },
};

class Refusal extends Error {}

/** Without `C` apt words its errors in the language of the machine. */
function run(command, args, cwd) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: "utf8",
    env: { ...process.env, LC_ALL: "C" },
  });
  if (error) throw new Refusal(`${command}: ${error.message}; ${advice}`);
  if (status === 0) return stdout;
  const reason = /^E: .*/m.exec(stderr)?.[0] ?? stderr.trim().split("\n").at(-1);
  throw new Refusal(`${command} failed: ${reason}; ${advice}`);
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
  throw new Refusal(`no Debian mirror in /etc/apt; ${advice}`);
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

/** A launcher that finds its own folder, so that the whole may be renamed and moved. */
function launcher({ program, ownLibc }, [triplet, loader]) {
  const libraries = `"$here/root/usr/lib/${triplet}:$here/root/lib/${triplet}"`;
  const command = ownLibc
    ? `exec "$here/root/usr/lib/${triplet}/${loader}" --library-path ${libraries} --argv0 ${program}-server "$here/bin/${program}-server"`
    : `LD_LIBRARY_PATH=${libraries} exec "$here/bin/${program}-server"`;
  return `#!/bin/sh\nhere=\${0%/*}\n${command} "$@"\n`;
}

function fetchServer(name, mirror) {
  const server = servers[name];
  const machine = machines[process.arch];
  if (!machine) throw new Refusal(`no server for ${process.arch}`);
  fs.mkdirSync(cache, { recursive: true });
  const work = fs.mkdtempSync(join(cache, ".fetch-"));
  try {
    const debs = join(work, "debs");
    const half = join(work, name);
    for (const folder of [debs, join(half, "bin")]) fs.mkdirSync(folder, { recursive: true });
    for (const [suite, packages] of Object.entries(server.from))
      download(suite, packages, { mirror, work, into: debs });
    for (const deb of fs.readdirSync(debs)) run("dpkg", ["-x", join(debs, deb), join(half, "root")]);
    fs.symlinkSync(`../root/usr/bin/${server.program}-check-rdb`, join(half, "bin", `${server.program}-server`));
    fs.writeFileSync(join(half, "redis-server"), launcher(server, machine));
    fs.chmodSync(join(half, "redis-server"), 0o755);
    const version = run(join(half, "redis-server"), ["--version"]).trim();
    // Last, so that an interrupted fetch never looks like a server; another run may have been first.
    if (!fs.existsSync(join(cache, name))) fs.renameSync(half, join(cache, name));
    console.log(`${name}: ${version}`);
  } finally {
    fs.rmSync(work, { recursive: true, force: true });
  }
}

try {
  const wanted = process.argv.length > 2 ? process.argv.slice(2) : ["redis-7"];
  const unknown = wanted.find((name) => !Object.hasOwn(servers, name));
  if (unknown) throw new Refusal(`no server ${unknown}; there are ${Object.keys(servers).join(", ")}`);
  const missing = wanted.filter((name) => !fs.existsSync(join(cache, name, "redis-server")));
  const mirror = missing.length > 0 ? debianMirror() : "";
  for (const name of missing) fetchServer(name, mirror);
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  console.error(`redis.mjs: ${error.message}`);
  process.exitCode = 1;
}
