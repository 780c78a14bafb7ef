import { fileURLToPath } from "node:url";
import { runSections } from "@scale/testkit";

process.exitCode = await runSections({
  sections: {
    attack: async () => (await import("./attack/proof.js")).attack,
    cache: async () => (await import("./cache/proof.js")).cache,
    compat: async () => (await import("./compat/proof.js")).compat,
    conservation: async () => (await import("./metrics/conservation.js")).conservation,
    failover: async () => (await import("./db-router/failover.js")).failover,
    "like-pg": async () => (await import("./db-router/like-pg/proof.js")).likePg,
    late: async () => (await import("./late/proof.js")).late,
    metrics: async () => (await import("./metrics/proof.js")).metrics,
    "node-matrix": async () => (await import("./node-matrix/proof.js")).nodeMatrix,
    outage: async () => (await import("./outage/proof.js")).outage,
    overload: async () => (await import("./shed/overload.js")).overload,
    quota: async () => (await import("./quota/proof.js")).quota,
    "queue-crash": async () => (await import("./queue-crash/proof.js")).queueCrash,
    "queue-next": async () => (await import("./queue-next/proof.js")).queueNext,
    "rate-limit": async () => (await import("./rate-limit/proof.js")).rateLimit,
    "retry-storm": async () => (await import("./breaker/retry-storm.js")).retryStorm,
    rolling: async () => (await import("./rolling/proof.js")).rolling,
    "read-your-writes": async () => (await import("./db-router/read-your-writes.js")).readYourWrites,
    "sse-resume": async () => (await import("./sse-resume/proof.js")).sseResume,
    "replica-outage": async () => (await import("./db-router/replica-outage.js")).replicaOutage,
  },
  argv: process.argv.slice(2),
  print: (text) => void process.stdout.write(`${text}\n`),
  smokeApart: { script: fileURLToPath(import.meta.url), processes: 3 },
});
