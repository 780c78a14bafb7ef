import type { Grant, Grants } from "./grant.js";
import type { UserOptions } from "./count-name.js";
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
  readonly readRows: ((grants: readonly Grant[], user: UserOptions) => Promise<readonly MetricStatus[]>) | undefined;
  /** The same for metrics of usage. */
  readonly readUsage: ((grants: readonly Grant[], user: UserOptions) => Promise<readonly MetricStatus[]>) | undefined;
}): (
  tenantId: string,
  metrics: readonly string[],
  user: UserOptions,
) => Promise<readonly { readonly grant: Grant; readonly status: MetricStatus }[]> {
  return async (tenantId, metrics, user) => {
    const all: Grant[] = [];
    for (const metric of metrics) all.push(await grants.grant(tenantId, metric));
    const ofRows = all.filter(({ metric }) => isRows(metric));
    const ofUsage = all.filter(({ metric }) => !isRows(metric));
    const [rows = [], usage = []] = await Promise.all([
      ofRows.length > 0 ? readRows?.(ofRows, user) : [],
      ofUsage.length > 0 ? readUsage?.(ofUsage, user) : [],
    ]);
    const status = new Map([...ofRows, ...ofUsage].map((grant, i) => [grant.metric, [...rows, ...usage][i]] as const));
    return all.flatMap((grant) => {
      const found = status.get(grant.metric);
      return found === undefined ? [] : [{ grant, status: found }];
    });
  };
}
