import type { Story, TenantCounts } from "./types.js";

/** A tenant is noisy from this many times the median tenant on, with at least so many requests in the minute. */
const NOISY_TIMES = 4;
const NOISY_REQUESTS = 60;
/** A tenant suffers from these parts of its requests on, and from this latency on, with at least so many requests. */
const DENIED_PART = 0.05;
const FAILED_PART = 0.01;
const SLOW_MS = 500;
const MIN_REQUESTS = 10;

const requestsOf = ({ admitted, denied, failed }: TenantCounts): number => admitted + denied + failed;

/**
 * Tells which tenant is noisy and whether the others notice, in one sentence. A tenant that sends much within its plan is a
 * large customer; it is noisy when it is refused, or when others suffer.
 */
export function storyOf(tenants: readonly TenantCounts[]): Story {
  const byRequests = tenants.toSorted((a, b) => requestsOf(b) - requestsOf(a));
  const [busiest] = byRequests;
  if (busiest === undefined || requestsOf(busiest) === 0)
    return { text: "No requests in the last minute.", suffering: [] };
  const median = Math.max(1, medianOf(byRequests.slice(1).map(requestsOf)));
  const loud = byRequests.length > 1 ? byRequests.filter((each) => isLoud(each, median)) : [];
  const aboveLimits = loud.filter(isDenied);
  const affected = byRequests.filter((each) => !aboveLimits.includes(each) && suffers(each));
  const noisy = aboveLimits[0] ?? (affected.some((each) => each !== loud[0]) ? loud[0] : undefined);
  const others = byRequests.filter((each) => each !== noisy && !aboveLimits.includes(each));
  const suffering = affected.filter((each) => each !== noisy).map(({ tenantId }) => tenantId);
  const times = noisy === undefined ? 0 : Math.round(requestsOf(noisy) / median);
  const noise =
    noisy === undefined
      ? "No tenant is noisy"
      : `${noisy.tenantId} sends ${times}× the median tenant${refusedPart(noisy)}`;
  return {
    text: `${noise}; ${effect(others, suffering)}.`,
    ...(noisy !== undefined && { noisy: noisy.tenantId }),
    suffering,
  };
}

const isLoud = (tenant: TenantCounts, median: number): boolean =>
  requestsOf(tenant) >= NOISY_REQUESTS && requestsOf(tenant) / median >= NOISY_TIMES;

function refusedPart(tenant: TenantCounts): string {
  const part = tenant.denied / requestsOf(tenant);
  return part < 0.005 ? "" : ` and is refused ${Math.round(part * 100)} % of it`;
}

/** @param others by their requests, the most first */
function effect(others: readonly TenantCounts[], suffering: readonly string[]): string {
  const [first, ...more] = suffering;
  if (first !== undefined) {
    const reason = reasonOf(others.find(({ tenantId }) => tenantId === first));
    return more.length === 0 ? `${first} ${reason}` : `${first} ${reason}, and ${more.length} more suffer`;
  }
  const example = others.find(({ p99 }) => p99 !== null);
  if (example === undefined || example.p99 === null) return "no other tenant suffers";
  return `no other tenant suffers, and ${possessive(example.tenantId)} p99 stays at ${shownMs(example.p99)}`;
}

const possessive = (name: string): string => (name.endsWith("s") ? `${name}'` : `${name}'s`);

const shownMs = (ms: number): string => `${ms < 10 ? Math.round(ms * 10) / 10 : Math.round(ms)} ms`;

const isFailing = (tenant: TenantCounts): boolean => tenant.failed / requestsOf(tenant) >= FAILED_PART;
const isDenied = (tenant: TenantCounts): boolean => tenant.denied / requestsOf(tenant) >= DENIED_PART;
const isSlow = ({ p99 }: TenantCounts): boolean => p99 !== null && p99 >= SLOW_MS;

const suffers = (tenant: TenantCounts): boolean =>
  requestsOf(tenant) >= MIN_REQUESTS && (isFailing(tenant) || isDenied(tenant) || isSlow(tenant));

function reasonOf(tenant: TenantCounts | undefined): string {
  if (tenant === undefined) return "suffers";
  const part = (count: number): number => Math.max(1, Math.round((100 * count) / requestsOf(tenant)));
  if (isFailing(tenant)) return `gets errors for ${part(tenant.failed)} % of its requests`;
  if (isDenied(tenant)) return `is refused ${part(tenant.denied)} % of its requests`;
  return `waits up to ${Math.round(tenant.p99 ?? 0)} ms`;
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
