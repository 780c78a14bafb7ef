export type { Finding, FindingCode } from "./findings.js";
export { checkPostgres, type PostgresDoctorOptions } from "./postgres.js";
export { checkRedis, type DoctorRedis, type RedisDoctorOptions } from "./redis.js";
