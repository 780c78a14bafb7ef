/** Statements of the outbox. The same SQL for every client, with strings as the only parameters. */
export interface OutboxStatements {
  /** $1: JSON list of n, id, kind, tenant_id, tenant_full, topic, payload. */
  readonly write: string;
  /** As `write`; $2: channel to notify at the commit. */
  readonly writeAndNotify: string;
  /** $1, $2: limits of the transaction in milliseconds, for a statement and for the pause between two. */
  readonly limits: string;
  /** $1: kind, $2: tenant to start after, $3: maximum tenants. Locks the tenants that it returns. */
  readonly takeTenants: string;
  /** $1: kind, $2: JSON list of tenants, $3: maximum messages of one tenant, $4: maximum bytes of all. Locks the messages. */
  readonly takeMessages: string;
  /** $1: JSON list of seq. */
  readonly remove: string;
  /** $1: JSON list of seq, wait_ms, error, permanent. */
  readonly postpone: string;
  /** $1: kind. */
  readonly status: string;
  /** $1: kind, $2: maximum messages. */
  readonly redrive: string;
}

export function outboxStatements(table: string): OutboxStatements {
  // In the order of the list: it is the order of their `seq`.
  const write = `insert into ${table} (id, kind, tenant_id, tenant_full, topic, payload)
select i.id::uuid, i.kind, i.tenant_id, i.tenant_full, i.topic, i.payload
from json_to_recordset($1::text::json)
  as i (n int, id text, kind text, tenant_id text, tenant_full text, topic text, payload text)
order by i.n`;
  return {
    write,
    // The cast: Prisma cannot read a column of type void.
    writeAndNotify: `with written as (${write} returning 1)
select pg_notify($2::text, '')::text as notified from written limit 1`,
    limits: `select set_config('statement_timeout', $1::text, true) as a,
set_config('idle_in_transaction_session_timeout', $2::text, true) as b`,
    takeTenants: takeTenants(table),
    takeMessages: takeMessages(table),
    remove: `delete from ${table} where seq = any (array(select json_array_elements_text($1::text::json)::bigint))`,
    postpone: `update ${table} as o set attempts = o.attempts + 1, last_error = i.error,
available_at = clock_timestamp() + i.wait_ms * interval '1 millisecond',
refused_at = case when i.permanent then clock_timestamp() end
from json_to_recordset($1::text::json) as i (seq bigint, wait_ms float8, error text, permanent boolean)
where o.seq = i.seq`,
    status: `select count(*) filter (where refused_at is null)::text as pending,
count(*) filter (where refused_at is not null)::text as refused,
coalesce(floor(extract(epoch from clock_timestamp() - min(written_at) filter (where refused_at is null)) * 1000), 0)::text as lag_ms
from (select written_at, refused_at from ${table} where kind = $1::text limit 100000) as picked`,
    redrive: `with picked as (
  select seq from ${table} where kind = $1::text and refused_at is not null order by seq limit $2::text::int for update skip locked
), moved as (
  update ${table} set refused_at = null, attempts = 0, available_at = '-infinity' where seq in (select seq from picked) returning 1
) select count(*)::text as moved from moved`,
  };
}

/**
 * Tenants with a message that is due, by name, each locked until the transaction ends: while one relay delivers a tenant's
 * messages of a kind, no other one does, so that their order is kept. The recursive query jumps from tenant to tenant in the
 * index: a tenant with very many messages costs as much as one with few.
 */
const takeTenants = (table: string): string => `with recursive tenant (tenant_id) as (
  (select tenant_id from ${table}
   where kind = $1::text and refused_at is null and tenant_id > $2::text order by tenant_id limit 1)
  union all
  select (select n.tenant_id from ${table} as n
    where n.kind = $1::text and n.refused_at is null and n.tenant_id > tenant.tenant_id order by n.tenant_id limit 1)
  from tenant where tenant.tenant_id is not null
)
select tenant_id from tenant
where tenant_id is not null
  -- The case keeps the order: a tenant without a message that is due is not locked.
  and case when exists (
    select 1 from ${table} as due where due.kind = $1::text and due.refused_at is null
      and due.tenant_id = tenant.tenant_id and due.available_at <= now()
  ) then pg_try_advisory_xact_lock(hashtextextended($1::text || chr(31) || tenant_id, ${quoteText(table)}::regclass::oid::bigint))
  else false end
limit $3::text::int`;

/**
 * The oldest due messages of each tenant. A statement of its own, after the one that locks: its snapshot has what the relay
 * before committed. A message that waits for its retry holds those after it in its topic.
 */
const takeMessages = (table: string): string => `with tenant as (
  select value as tenant_id from json_array_elements_text($2::text::json)
), locked as materialized (
  select m.* from tenant cross join lateral (
    select seq, id, tenant_id, tenant_full, topic, payload, attempts, written_at from ${table} as o
    where o.kind = $1::text and o.refused_at is null and o.tenant_id = tenant.tenant_id and o.available_at <= now()
      and (o.topic is null or o.topic not in (
        select held.topic from ${table} as held where held.kind = $1::text and held.refused_at is null
          and held.tenant_id = tenant.tenant_id and held.topic is not null and held.available_at > now()))
    order by o.seq limit $3::text::int
    for update of o skip locked
  ) as m
), sized as (
  select *, sum(octet_length(payload)) over (order by seq) - octet_length(payload) as bytes_before from locked
)
select seq::text, id::text, tenant_id, tenant_full, topic, payload, attempts,
  floor(extract(epoch from written_at) * 1000)::text as written_at_ms,
  floor(extract(epoch from clock_timestamp()) * 1000)::text as now_ms
from sized where bytes_before < $4::text::bigint order by sized.seq`;

const quoteText = (text: string): string => `'${text.replaceAll("'", "''")}'`;
