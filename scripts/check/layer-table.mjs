// Who may import whom: the table of ARCHITECTURE.md. A package or a library that is not here must be added first.

/** A package imports packages of lower layers only; siblings never import each other. */
export const layers = {
  core: 0,
  http: 1,
  "rate-limit": 2,
  cache: 2,
  breaker: 2,
  queue: 2,
  "db-router": 2,
  pagination: 2,
  flags: 2,
  storage: 2,
  realtime: 2,
  metrics: 2,
  "query-insight": 2,
  quota: 3,
  health: 3,
  shed: 3,
  batch: 3,
  gateway: 4,
  nest: 4,
  cli: 4,
};

/** Private packages that no source of a package imports; they themselves may import anything. */
export const privatePackages = ["testkit", "benchmarks", "proofs", "docs"];

/** Below layer 4, `@scale/http` is for these files (or folders of these names) only: a feature works without HTTP. */
export const httpFiles = /^(?:http|express|next|testing)(?:\.ts$|\/)/;

/** Libraries and the files, relative to packages/, that may import them. */
export const libraries = {
  zod: /^/,
  vitest: /\/src\/testing(?:\.ts$|\/)/,
  ioredis: /\/src\/redis\//,
  redis: /\/src\/redis\//,
  pg: /\/src\/(?:pg|sql|drizzle)\//,
  "drizzle-orm": /\/src\/drizzle\//,
  "@prisma/client": /\/src\/prisma\//,
  "@nestjs/common": /^nest\//,
  "@nestjs/core": /^nest\//,
  rxjs: /^nest\//,
  "reflect-metadata": /^nest\//,
  "lru-cache": /^cache\//,
  dataloader: /^cache\//,
  opossum: /^breaker\//,
  bullmq: /^queue\/src\/bullmq\//,
  "@bull-board/api": /^queue\/src\/dashboard\//,
  "prom-client": /^metrics\//,
  "hot-shots": /^metrics\/src\/statsd\//,
  "@openfeature/server-sdk": /^flags\/src\/openfeature\//,
  "@aws-sdk/client-s3": /^storage\/src\/s3\//,
  "@aws-sdk/lib-storage": /^storage\/src\/s3\//,
  "@aws-sdk/s3-request-presigner": /^storage\/src\/s3\//,
  busboy: /^storage\//,
  "libpg-query": /^query-insight\//,
  undici: /^gateway\//,
};
