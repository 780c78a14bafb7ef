import { build } from "esbuild";
await build({ entryPoints: ["/tmp/lab/wt/health/proofs/src/rolling/diag.ts"], outfile: "/tmp/lab/wt/health/proofs/dist/diag.mjs", bundle: true, packages: "external", format: "esm", platform: "node", target: "node20" });
