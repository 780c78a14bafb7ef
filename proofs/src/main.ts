import { runSections } from "@scale/testkit";

process.exitCode = await runSections({
  sections: {
    outage: async () => (await import("./outage/proof.js")).outage,
  },
  argv: process.argv.slice(2),
  print: (text) => void process.stdout.write(`${text}\n`),
});
