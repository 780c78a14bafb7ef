/**
 * Statements of a rows store. $1 is the tenant, $2 a JSON list: the same SQL for every client, with strings as the only
 * parameters.
 *
 * Counters are changed in the order of their metrics, so that two transactions never deadlock. `on conflict` waits for
 * the transaction that holds the counter and then reads its result: the decision is exact under every interleaving, and
 * the counter stays locked until this transaction ends, also where its `where` refuses.
 * A missing counter is inserted with version 0; an existing one comes back with a higher version.
 */
export interface Statements {
  /** $2: metric, units, max. Adds where there is room, and locks every counter that $2 names. */
  readonly add: string;
  /** $2: metric, units. Subtracts where the counter is high enough, and locks every counter that $2 names. */
  readonly subtract: string;
  /** $2: metric, used. Sets counters that this transaction has locked. */
  readonly set: string;
  /** $2: names of metrics. */
  readonly read: string;
  /** $2: metric, delta, version. Corrects a counter whose version is still the same. */
  readonly correct: string;
  /** $2: metric, used. Creates a missing counter. */
  readonly create: string;
}

export function statementsOn(table: string): Statements {
  const input = (fields: string): string =>
    `input as (select * from json_to_recordset($2::text::json) as i (${fields}))`;
  return {
    add: `with ${input("metric text, units bigint, max bigint")}
insert into ${table} as q (tenant_id, metric, used)
select $1::text, metric, case when units <= max then units else 0 end from input order by metric collate "C"
on conflict (tenant_id, metric) do update
set used = q.used + (select units from input i where i.metric = q.metric), version = q.version + 1, changed_at = now()
where q.used <= (select max - units from input i where i.metric = q.metric)
returning metric, used, version`,
    subtract: `with ${input("metric text, units bigint")}
insert into ${table} as q (tenant_id, metric, used)
select $1::text, metric, 0 from input order by metric collate "C"
on conflict (tenant_id, metric) do update
set used = q.used - (select units from input i where i.metric = q.metric), version = q.version + 1, changed_at = now()
where q.used >= (select units from input i where i.metric = q.metric)
returning metric, used, version`,
    set: `with ${input("metric text, used bigint")}
update ${table} as q set used = input.used, version = q.version + 1, changed_at = now()
from input where q.tenant_id = $1::text and q.metric = input.metric`,
    read: `select metric, used, version, floor(extract(epoch from clock_timestamp()) * 1000)::bigint as as_of
from ${table} where tenant_id = $1::text and metric in (select json_array_elements_text($2::text::json))`,
    correct: `with ${input("metric text, delta bigint, version bigint")}
update ${table} as q set used = q.used + input.delta, version = q.version + 1, changed_at = now()
from input where q.tenant_id = $1::text and q.metric = input.metric and q.version = input.version
returning q.metric, q.used, q.version`,
    create: `with ${input("metric text, used bigint")}
insert into ${table} (tenant_id, metric, used) select $1::text, metric, used from input
on conflict (tenant_id, metric) do nothing
returning metric, used, version`,
  };
}
