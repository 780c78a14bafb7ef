import { runSections } from "@scale/testkit";

process.exitCode = await runSections({
  sections: {
    breaker: async () => (await import("./breaker/bench.js")).breaker,
    cache: async () => (await import("./cache/bench.js")).cache,
    "cache-matrix": async () => (await import("./cache/matrix/bench.js")).cacheMatrix,
    "db-router": async () => (await import("./db-router/bench.js")).dbRouter,
    flags: async () => (await import("./flags/bench.js")).flags,
    metrics: async () => (await import("./metrics/bench.js")).metrics,
    pagination: async () => (await import("./pagination/bench.js")).pagination,
    realtime: async () => (await import("./realtime/bench.js")).realtime,
    queue: async () => (await import("./queue/bench.js")).queue,
    "rate-limit": async () => (await import("./rate-limit/bench.js")).rateLimit,
    shed: async () => (await import("./shed/bench.js")).shed,
  },
  argv: process.argv.slice(2),
  print: (text) => void process.stdout.write(`${text}\n`),
});
