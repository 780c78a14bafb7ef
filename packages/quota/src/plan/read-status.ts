import type { Grant, Grants } from "./grant.js";
import type { MetricStatus } from "./status.js";

/** Reads the status of several metrics of a tenant, with one call to each backend. */
export function createStatusReader({
  grants,
  isRows,
  readRows,
  readUsage,
}: {
  readonly grants: Grants;
  isRows(metric: string): boolean;
  /** Status of metrics of rows, in the order of the grants. */
  readonly readRows: ((grants: readonly Grant[]) => Promise<readonly MetricStatus[]>) | undefined;
  /** Status of metrics of usage, in the order of the grants. */
  readonly readUsage: ((grants: readonly Grant[]) => Promise<readonly MetricStatus[]>) | undefined;
}): (
  tenantId: string,
  metrics: readonly string[],
) => Promise<readonly { readonly grant: Grant; readonly status: MetricStatus }[]> {
  return async (tenantId, metrics) => {
    const all: Grant[] = [];
    for (const metric of metrics) all.push(await grants.grant(tenantId, metric));
    const ofRows = all.filter(({ metric }) => isRows(metric));
    const ofUsage = all.filter(({ metric }) => !isRows(metric));
    const [rows = [], usage = []] = await Promise.all([
      ofRows.length > 0 ? readRows?.(ofRows) : [],
      ofUsage.length > 0 ? readUsage?.(ofUsage) : [],
    ]);
    const status = new Map([...ofRows, ...ofUsage].map((grant, i) => [grant.metric, [...rows, ...usage][i]] as const));
    return all.flatMap((grant) => {
      const found = status.get(grant.metric);
      return found === undefined ? [] : [{ grant, status: found }];
    });
  };
}
