import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findProgram, freePort, type Line, startDaemon, startRedis } from "@scale/testkit";
import { line } from "../bound.js";
import { openStage, type Stage } from "./processes.js";

const MAX_MS = 200;

/** nginx buffers responses, as it does by default: does an event pass at once? */
export async function* throughNginx(times: number): AsyncIterable<Line> {
  const nginx = findProgram("nginx");
  if (nginx.is === "missing") {
    process.emitWarning(`the part of the proof with nginx is left out: ${nginx.reason}`);
    return;
  }
  const redis = await startRedis();
  const stage = await openStage(redis.url, { size: 1 });
  const proxy = await startNginx(nginx.path, stage.urls[0] ?? "");
  try {
    const delays: number[] = [];
    for (let n = 0; n < times; n++) delays.push(await firstEventMs(proxy.url, stage, n));
    const inTime = delays.filter((ms) => ms <= MAX_MS).length;
    yield line({
      proof: `sse-resume: nginx with buffering in front: first events within ${MAX_MS} ms, of ${times}`,
      unit: "events",
      value: inTime,
      bound: { atLeast: times },
    });
  } finally {
    await proxy.stop();
    await stage.close();
    await redis.stop();
  }
}

/** Milliseconds from the publication of the first event of a new connection to its arrival. */
function firstEventMs(url: string, stage: Stage, n: number): Promise<number> {
  return new Promise((resolve, reject) => {
    let publishedAt = 0;
    const sent = request(`${url}/?topic=a&topic=b`, { agent: false, headers: { accept: "text/event-stream" } });
    sent.once("response", (response) => {
      response.setEncoding("utf8").on("error", () => undefined);
      let text = "";
      response.on("data", (chunk: string) => {
        text += chunk;
        if (publishedAt === 0 && text.includes("event: ready")) {
          publishedAt = performance.now();
          stage.publish(n).catch(reject);
        } else if (text.includes(`"data":${n}}`)) {
          resolve(performance.now() - publishedAt);
          sent.destroy();
        }
      });
    });
    sent.on("error", (error) => publishedAt === 0 && reject(error));
    sent.setTimeout(5000, () => {
      resolve(Number.POSITIVE_INFINITY);
      sent.destroy();
    });
    sent.end();
  });
}

async function startNginx(program: string, upstream: string): Promise<{ url: string; stop(): Promise<void> }> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), "scale-nginx-"));
  const temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  const conf = `
    daemon off; master_process off; pid ${folder}/pid; error_log stderr notice;
    events { worker_connections 256; }
    http {
      access_log off; gzip on; gzip_types *; gzip_min_length 0; proxy_buffering on; ${temp.join(" ")}
      server { listen 127.0.0.1:${port}; location / { proxy_pass ${upstream}; } }
    }`;
  const file = join(folder, "nginx.conf");
  await writeFile(file, conf);
  const daemon = await startDaemon(program, {
    args: ["-p", folder, "-e", "stderr", "-c", file],
    ready: /using the "epoll"|start worker|nginx\//,
  });
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      await daemon.stop("SIGTERM");
      await rm(folder, { recursive: true, force: true });
    },
  };
}
