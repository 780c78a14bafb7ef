import { runSections } from "@scale/testkit";

process.exitCode = await runSections({
  sections: {
    cache: async () => (await import("./cache/memory.js")).cacheMemory,
    "rate-limit": async () => (await import("./rate-limit/bench.js")).rateLimit,
  },
  argv: process.argv.slice(2),
  print: (text) => void process.stdout.write(`${text}\n`),
});
