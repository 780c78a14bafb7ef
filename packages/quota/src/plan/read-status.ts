import type { Grant, Grants } from "./grant.js";
import type { MetricStatus } from "./status.js";

type ReadStatus = (grants: readonly Grant[]) => Promise<readonly MetricStatus[]>;

/** Reads the status of several metrics of a tenant, with one call to each backend. */
export function createStatusReader({
  grants,
  isRows,
  readRows,
  readUsage,
}: {
  readonly grants: Grants;
  isRows(metric: string): boolean;
  readonly readRows: ReadStatus | undefined;
  readonly readUsage: ReadStatus | undefined;
}): (
  tenantId: string,
  metrics: readonly string[],
) => Promise<readonly { readonly grant: Grant; readonly status: MetricStatus }[]> {
  async function readAll(read: ReadStatus | undefined, some: readonly Grant[]): Promise<[string, MetricStatus][]> {
    const found = read === undefined || some.length === 0 ? [] : await read(some);
    return found.map((status, i) => [some[i]?.metric ?? "", status]);
  }

  return async (tenantId, metrics) => {
    const all: Grant[] = [];
    for (const metric of metrics) all.push(await grants.grant(tenantId, metric));
    const [rows, usage] = await Promise.all([
      readAll(
        readRows,
        all.filter(({ metric }) => isRows(metric)),
      ),
      readAll(
        readUsage,
        all.filter(({ metric }) => !isRows(metric)),
      ),
    ]);
    const found = new Map([...rows, ...usage]);
    return all.flatMap((grant) => {
      const status = found.get(grant.metric);
      return status === undefined ? [] : [{ grant, status }];
    });
  };
}
