import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** Packages that the application installs from this workspace, as `pnpm pack` publishes them. */
const PACKAGES = ["core", "http", "queue"];
const DEPENDENCIES = [
  ...["next@^16.0.0", "react@^19.0.0", "react-dom@^19.0.0", "zod@^4.0.0"],
  ...["@bull-board/api@^9.10.0", "@bull-board/hono@^9.10.0", "@hono/node-server@^1.14.0", "hono@^4.0.0"],
];

/** The files of the application, as the guide shows them. */
const FILES: Readonly<Record<string, string>> = {
  "package.json": JSON.stringify({ name: "app", private: true, type: "module" }),
  "next.config.mjs": `export default {
  output: "standalone",
  outputFileTracingRoot: import.meta.dirname,
  turbopack: { root: import.meta.dirname },
  serverExternalPackages: ["@bull-board/api", "@bull-board/hono", "@bull-board/ui", "ejs"],
  outputFileTracingIncludes: { "/admin/queues/[[...path]]": ["./node_modules/@bull-board/ui/dist/**"] },
};
`,
  "app/admin/queues/[[...path]]/route.js": `import { createQueue, defineJobs, job, memoryStore } from "@scale/queue";
import { queueDashboard } from "@scale/queue/dashboard/next";
import { z } from "zod";

const jobs = defineJobs({ mail: job({ input: z.object({ to: z.string() }) }) });
const queue = createQueue(jobs, { name: "email", store: memoryStore({ durability: "none" }) });
const isFilled = Promise.all(
  ["acme", "globex"].map((tenantId) => queue.enqueue("mail", { to: "jane@" + tenantId + ".test" }, { tenantId })),
);

async function authorize({ header }) {
  await isFilled;
  return header("authorization") === "Bearer ok" ? { tenants: ["acme"] } : undefined;
}

export const runtime = "nodejs";
export const dynamic = "force-dynamic";
export const GET = queueDashboard({ queues: [queue], authorize });
`,
};

export interface NextApp {
  readonly url: string;
  stop(): Promise<void>;
}

/** Installs, builds and starts an App Router application that mounts the dashboard. */
export async function startNextApp(): Promise<NextApp> {
  const home = await mkdtemp(join(tmpdir(), "next-app-"));
  try {
    for (const [path, text] of Object.entries(FILES)) {
      await mkdir(dirname(join(home, path)), { recursive: true });
      await writeFile(join(home, path), text);
    }
    await install(home);
    await execute("npx", ["next", "build"], { cwd: home, env: { ...process.env, NEXT_TELEMETRY_DISABLED: "1" } });
    return await serve(home);
  } catch (error) {
    await rm(home, { recursive: true, force: true });
    throw error;
  }
}

async function install(home: string): Promise<void> {
  for (const name of PACKAGES) {
    await execute(pnpm(), ["--dir", `packages/${name}`, "pack", "--pack-destination", home]);
  }
  const packed = (await readdir(home)).filter((file) => file.endsWith(".tgz")).map((file) => join(home, file));
  const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--legacy-peer-deps"];
  await execute("npm", ["install", ...flags, ...packed, ...DEPENDENCIES], { cwd: home });
}

/** The pnpm that the build fetched, or that of the path. */
function pnpm(): string {
  const own = resolve(".cache/pnpm/10.34.9/node_modules/.bin/pnpm");
  return existsSync(own) ? own : "pnpm";
}

/** The standalone output alone: what a container has. */
async function serve(home: string): Promise<NextApp> {
  const port = await freePort();
  const child = spawn(process.execPath, [join(home, ".next/standalone/server.js")], {
    env: { ...process.env, PORT: String(port), HOSTNAME: "127.0.0.1", NODE_ENV: "production" },
    stdio: "ignore",
  });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const url = `http://127.0.0.1:${port}`;
  const app = {
    url,
    async stop() {
      child.kill("SIGKILL");
      await exited;
      await rm(home, { recursive: true, force: true });
    },
  };
  for (let i = 0; i < 200; i++) {
    const isUp = await fetch(url).then(
      () => true,
      () => false,
    );
    if (isUp) return app;
    await new Promise((wake) => setTimeout(wake, 100));
  }
  await app.stop();
  throw new Error("expected the built application to answer within 20 seconds");
}

function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const server = createServer().once("error", fail);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => done(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
