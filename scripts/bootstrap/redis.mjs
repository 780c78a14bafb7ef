// Fetches Redis and Valkey servers into .cache/redis for a machine that has none: no root, no service, no container, and
// nothing outside that folder. They come from the Debian mirror that the machine's apt uses, checked by apt's signatures.
// `node scripts/bootstrap/redis.mjs [redis-7] [valkey-8] [redis-8]`, by default redis-7.
import * as fs from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fetchDebian, Refusal, refuse, run } from "./debian.mjs";

const cache = fileURLToPath(new URL("../../.cache/redis", import.meta.url));
const advice = "install redis-server (apt, brew) or set SCALE_TEST_REDIS to a program";

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

/** A launcher that finds its own folder, so that the whole may be renamed and moved. */
function launcher({ program, ownLibc }, [triplet, loader]) {
  const libraries = `"$here/root/usr/lib/${triplet}:$here/root/lib/${triplet}"`;
  const command = ownLibc
    ? `exec "$here/root/usr/lib/${triplet}/${loader}" --library-path ${libraries} --argv0 ${program}-server "$here/bin/${program}-server"`
    : `LD_LIBRARY_PATH=${libraries} exec "$here/bin/${program}-server"`;
  return `#!/bin/sh\nhere=\${0%/*}\n${command} "$@"\n`;
}

function fetchServer(name) {
  const server = servers[name];
  fetchDebian({
    cache,
    name,
    from: server.from,
    finish(folder, machine) {
      fs.mkdirSync(join(folder, "bin"));
      fs.symlinkSync(`../root/usr/bin/${server.program}-check-rdb`, join(folder, "bin", `${server.program}-server`));
      fs.writeFileSync(join(folder, "redis-server"), launcher(server, machine), { mode: 0o755 });
      console.log(`${name}: ${run(join(folder, "redis-server"), ["--version"]).trim()}`);
    },
  });
}

try {
  const wanted = process.argv.length > 2 ? process.argv.slice(2) : ["redis-7"];
  const unknown = wanted.find((name) => !Object.hasOwn(servers, name));
  if (unknown) throw new Refusal(`no server ${unknown}; there are ${Object.keys(servers).join(", ")}`);
  for (const name of wanted) if (!fs.existsSync(join(cache, name, "redis-server"))) fetchServer(name);
} catch (error) {
  refuse(error, "redis.mjs", advice);
}
