// Which package may import which: the table of ARCHITECTURE.md. A package or a library that is not here must be added first.

/** A package imports packages of lower layers only; siblings never import each other. */
export const layers = {
  core: 0,
  env: 1,
  http: 1,
  "rate-limit": 2,
  cache: 2,
  "db-router": 2,
  pagination: 2,
  flags: 2,
  breaker: 2,
  queue: 2,
  realtime: 2,
  metrics: 2,
  quota: 3,
  shed: 3,
  health: 3,
  nest: 4,
  dashboard: 4,
};

/** Private packages that no source of a package imports; they themselves may import anything. */
export const privatePackages = ["testkit", "benchmarks", "proofs", "docs"];

/** Below layer 4, `@scale/http` is for these files (or folders of these names) only: a feature works without HTTP. */
export const httpFiles = /^(?:http|express|fetch|next|testing|dashboard)(?:\.ts$|\/)/;

/** Libraries and the files, relative to packages/, that may import them. */
export const libraries = {
  zod: /^/,
  vitest: /\/src\/testing(?:\.ts$|\/)/,
  ioredis: /\/src\/redis\//,
  redis: /\/src\/redis\//,
  pg: /\/src\/(?:pg|sql|drizzle)\/|^db-router\/src\/[\w-]+\//,
  "drizzle-orm": /\/src\/(?:rows\/|sql\/)?drizzle(?:\/|\.ts$)/,
  "@prisma/client": /\/src\/(?:rows\/)?prisma(?:\/|\.ts$)/,
  "@nestjs/common": /^nest\//,
  "@nestjs/core": /^nest\//,
  "@nestjs/terminus": /^nest\//,
  rxjs: /^nest\//,
  "reflect-metadata": /^nest\//,
  "@openfeature/server-sdk": /^flags\/src\/openfeature\//,
  "lru-cache": /^(?:core|breaker)\//,
  devalue: /^cache\/src\/definition\//,
  "cron-parser": /^queue\/src\/schedules\//,
  bullmq: /^queue\/src\/(?:redis|postgres)\//,
  "@bull-board/api": /^queue\/src\/dashboard\//,
  "@bull-board/express": /^queue\/src\/dashboard\//,
  "@bull-board/hono": /^queue\/src\/dashboard\//,
  "@hono/node-server": /^queue\/src\/dashboard\//,
  hono: /^queue\/src\/dashboard\//,
  opossum: /^breaker\/src\/opossum\//,
  "prom-client": /^metrics\/src\/prom-client\//,
  "hot-shots": /^metrics\/src\/statsd\//,
  "@sentry/node": /^metrics\/src\/sentry\//,
  "@opentelemetry/api": /^metrics\/src\/otlp\//,
  "@opentelemetry/sdk-metrics": /^metrics\/src\/otlp\//,
};
