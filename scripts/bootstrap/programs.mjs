// Fetches programs that proofs run, from the Debian archive into .cache/debian, for a machine that has none:
// `node scripts/bootstrap/programs.mjs haproxy`. The program is then `.cache/debian/haproxy/run`.
import * as fs from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fetchDebian, Refusal, refuse, run } from "./debian.mjs";

const cache = fileURLToPath(new URL("../../.cache/debian", import.meta.url));
const advice = "install it (apt, brew) so that it is on PATH";

/** Path in the package, arguments that print the version, and the packages by suite: the program and its libraries. */
const programs = {
  haproxy: {
    path: "usr/sbin/haproxy",
    version: ["-v"],
    from: {
      bookworm: [
        "haproxy",
        "libcap2",
        "libcrypt1",
        "libgcc-s1",
        "libgcrypt20",
        "libgpg-error0",
        "liblua5.3-0",
        "liblz4-1",
        "liblzma5",
        "libopentracing-c-wrapper0",
        "libopentracing1",
        "libpcre2-8-0",
        "libssl3",
        "libstdc++6",
        "libsystemd0",
        "libzstd1",
      ],
    },
  },
  nginx: {
    path: "usr/sbin/nginx",
    version: ["-V"],
    from: { bookworm: ["nginx", "libcrypt1", "libpcre2-8-0", "libssl3", "zlib1g"] },
  },
  // They are those of the next release, and need no library but that of C.
  prometheus: { path: "usr/bin/prometheus", version: ["--version"], from: { trixie: ["prometheus"] } },
  promtool: { path: "usr/bin/promtool", version: ["--version"], from: { trixie: ["promtool"] } },
  // It receives OTLP, which Debian leaves out of Prometheus.
  "victoria-metrics": {
    path: "usr/bin/victoria-metrics",
    version: ["--version"],
    from: { trixie: ["victoria-metrics", "libzstd1"] },
  },
};

/** It finds its own folder, so that the whole may be renamed and moved. */
const launcher = (path, triplet) =>
  `#!/bin/sh\nhere=\${0%/*}\nLD_LIBRARY_PATH="$here/root/usr/lib/${triplet}:$here/root/lib/${triplet}" exec "$here/root/${path}" "$@"\n`;

try {
  const [name = ""] = process.argv.slice(2);
  if (!Object.hasOwn(programs, name)) {
    throw new Refusal(`no program ${name}; there are ${Object.keys(programs).join(", ")}`);
  }
  const { path, version, from } = programs[name];
  if (!fs.existsSync(join(cache, name, "run"))) {
    const finish = (folder, [triplet]) => {
      fs.writeFileSync(join(folder, "run"), launcher(path, triplet), { mode: 0o755 });
      const [said] = run(join(folder, "run"), version).split("\n");
      // To stderr: the caller may print what programs read.
      console.error(`${name}: ${said}`);
    };
    fetchDebian({ cache, name, from, finish });
  }
} catch (error) {
  refuse(error, "programs.mjs", advice);
}
