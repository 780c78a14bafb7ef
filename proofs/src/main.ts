import { runSections } from "@scale/testkit";

process.exitCode = await runSections({
  sections: {
    outage: async () => (await import("./outage/proof.js")).outage,
    quota: async () => (await import("./quota/proof.js")).quota,
    "rate-limit": async () => (await import("./rate-limit/proof.js")).rateLimit,
  },
  argv: process.argv.slice(2),
  print: (text) => void process.stdout.write(`${text}\n`),
});
