/** The statements of a rows store. $1 is the tenant, $2 a JSON list: the same text for every client, with text alone. */
export interface Statements {
  /** $2: metric, units, max. Adds where there is room, and locks every counter it was asked for. */
  readonly add: string;
  /** $2: metric, units. Takes off where there is as much, and locks every counter it was asked for. */
  readonly takeOff: string;
  /** $2: metric, used. Sets counters that this transaction has locked. */
  readonly set: string;
  /** $2: names of metrics. */
  readonly read: string;
  /** $2: metric, delta, version. Corrects a counter that has not moved since. */
  readonly correct: string;
  /** $2: metric, used. Makes a counter where there is none. */
  readonly create: string;
}

/**
 * Counters are changed in the order of their metrics, so that two transactions never wait for each other. `on conflict`
 * waits for the transaction that holds the counter and then reads what it left: the decision is exact under every
 * interleaving, and the counter stays locked until this transaction ends, also where its `where` refuses.
 * A counter that was not there is inserted with version 0, one that was there comes back with a higher one.
 */
export function statementsOn(table: string): Statements {
  const asked = (fields: string): string =>
    `asked as (select * from json_to_recordset($2::text::json) as a (${fields}))`;
  return {
    add: `with ${asked("metric text, units bigint, max bigint")}
insert into ${table} as q (tenant_id, metric, used)
select $1::text, metric, case when units <= max then units else 0 end from asked order by metric collate "C"
on conflict (tenant_id, metric) do update
set used = q.used + (select units from asked a where a.metric = q.metric), version = q.version + 1, changed_at = now()
where q.used <= (select max - units from asked a where a.metric = q.metric)
returning metric, used, version`,
    takeOff: `with ${asked("metric text, units bigint")}
insert into ${table} as q (tenant_id, metric, used)
select $1::text, metric, 0 from asked order by metric collate "C"
on conflict (tenant_id, metric) do update
set used = q.used - (select units from asked a where a.metric = q.metric), version = q.version + 1, changed_at = now()
where q.used >= (select units from asked a where a.metric = q.metric)
returning metric, used, version`,
    set: `with ${asked("metric text, used bigint")}
update ${table} as q set used = asked.used, version = q.version + 1, changed_at = now()
from asked where q.tenant_id = $1::text and q.metric = asked.metric`,
    read: `select metric, used, version, floor(extract(epoch from clock_timestamp()) * 1000)::bigint as as_of
from ${table} where tenant_id = $1::text and metric in (select json_array_elements_text($2::text::json))`,
    correct: `with ${asked("metric text, delta bigint, version bigint")}
update ${table} as q set used = q.used + asked.delta, version = q.version + 1, changed_at = now()
from asked where q.tenant_id = $1::text and q.metric = asked.metric and q.version = asked.version
returning q.metric, q.used, q.version`,
    create: `with ${asked("metric text, used bigint")}
insert into ${table} (tenant_id, metric, used) select $1::text, metric, used from asked
on conflict (tenant_id, metric) do nothing
returning metric, used, version`,
  };
}
