/** Functions that producers and operators call. */
export const PRODUCE_FUNCTIONS: string = `
-- Stores jobs in their order. In a transaction of the application it takes no lock that others wait for: its jobs join the
-- lines after the commit, and the bound of the backlog is decided on what is committed.
create or replace function {scale_queue_add}(p_queue text, p_jobs text, p_in_transaction boolean)
returns setof text language plpgsql as $body$
declare
  v_now float8 := {scale_queue_now}();
  v_first text;
  v_backlog bigint;
  v_stored int[] := '{}';
  -- Jobs of each tenant that this call has stored.
  v_added jsonb := '{}';
  j record;
begin
  if not p_in_transaction then
    perform {scale_queue_lock}(p_queue);
  else
    -- In one order: two transactions that store the same keys would wait for each other.
    perform pg_advisory_xact_lock(hashtextextended(p_queue || chr(31) || k.idempotency, 0)) from (
      select distinct i.idempotency from json_to_recordset(p_jobs::json) as i (idempotency text)
      where i.idempotency is not null and json_array_length(p_jobs::json) > 1 order by i.idempotency
    ) as k;
  end if;
  for j in select * from json_to_recordset(p_jobs::json) as i (n int, id text, tenant text, priority smallint, name text,
    record text, share text, cost float8, due_at_ms float8, deadline_at_ms float8, max_backlog float8, idempotency text,
    ttl_ms float8) order by i.n
  loop
    select id into v_first from {scale_queue_job} where queue = p_queue and id = j.id;
    if not found and j.idempotency is not null then
      select job into v_first from {scale_queue_key}
      where queue = p_queue and key = j.idempotency and expires_at_ms > v_now;
    end if;
    if found then
      return next json_build_object('kind', 'deduplicated', 'id', v_first)::text;
      continue;
    end if;
    if j.max_backlog is not null then
      v_backlog := {scale_queue_backlog}(p_queue, j.tenant)
        + case when p_in_transaction then 0 else coalesce((v_added->>j.tenant)::int, 0) end;
      if v_backlog >= j.max_backlog then
        return next
          json_build_object('kind', 'backlog-full', 'backlog', v_backlog, 'maxBacklog', j.max_backlog)::text;
        continue;
      end if;
    end if;
    if j.idempotency is not null then
      -- Waits for a transaction that has stored the key and not yet ended.
      insert into {scale_queue_key} as k (queue, key, job, tenant, expires_at_ms)
      values (p_queue, j.idempotency, j.id, j.tenant, v_now + j.ttl_ms)
      on conflict (queue, key) do update set job = excluded.job, expires_at_ms = excluded.expires_at_ms
      where k.expires_at_ms <= v_now;
      if not found then
        select job into v_first from {scale_queue_key} where queue = p_queue and key = j.idempotency;
        return next json_build_object('kind', 'deduplicated', 'id', v_first)::text;
        continue;
      end if;
    end if;
    insert into {scale_queue_job} (queue, id, tenant, state, priority, name, record, share, cost, due_at_ms,
      deadline_at_ms, idempotency, waiting_since_ms)
    values (p_queue, j.id, j.tenant,
      case when p_in_transaction then 'incoming' when j.due_at_ms > v_now then 'delayed' else 'waiting' end,
      j.priority, j.name, j.record, j.share, j.cost, j.due_at_ms, j.deadline_at_ms, j.idempotency, v_now)
    on conflict (queue, id) do nothing;
    if found then
      v_stored := v_stored || j.n;
      v_added := v_added || jsonb_build_object(j.tenant, coalesce((v_added->>j.tenant)::int, 0) + 1);
    end if;
    return next json_build_object('kind', case when found then 'stored' else 'deduplicated' end, 'id', j.id)::text;
  end loop;
  if not p_in_transaction then
    for j in select i.tenant, count(*) filter (where not coalesce(i.due_at_ms > v_now, false)) as waiting,
        count(*) filter (where i.due_at_ms > v_now) as delayed, (array_agg(i.share order by i.n desc))[1] as share
      from json_to_recordset(p_jobs::json) as i (n int, tenant text, share text, due_at_ms float8)
      where i.n = any (v_stored) group by i.tenant order by i.tenant
    loop
      perform {scale_queue_enter}(p_queue, j.tenant, j.share, j.waiting, j.delayed);
    end loop;
  end if;
end
$body$;

-- Jobs of a tenant that are waiting or delayed.
create or replace function {scale_queue_backlog}(p_queue text, p_tenant text) returns bigint language plpgsql as $body$
begin
  return coalesce((select waiting + delayed from {scale_queue_tenant} where queue = p_queue and tenant = p_tenant), 0)
    + (select count(*) from {scale_queue_job} where queue = p_queue and tenant = p_tenant and state = 'incoming');
end
$body$;

create or replace function {scale_queue_cancel}(p_queue text, p_id text) returns text language plpgsql as $body$
declare v_state text;
begin
  perform {scale_queue_lock}(p_queue);
  perform {scale_queue_absorb}(p_queue);
  select state into v_state from {scale_queue_job} where queue = p_queue and id = p_id;
  if not found then
    return 'unknown';
  elsif v_state = 'active' then
    update {scale_queue_job} set cancelling = true where queue = p_queue and id = p_id;
    return 'cancelling';
  elsif v_state in ('waiting', 'delayed', 'incoming') then
    perform {scale_queue_finish}(p_queue, p_id, 'cancelled', null, null, null);
    return 'cancelled';
  end if;
  return 'finished';
end
$body$;

-- Cancels up to p_limit jobs of a tenant that wait, and marks those that run.
create or replace function {scale_queue_cancel_tenant}(p_queue text, p_tenant text, p_limit int)
returns text language plpgsql as $body$
declare
  v_cancelling int;
  v_cancelled int := 0;
  j record;
begin
  perform {scale_queue_lock}(p_queue);
  perform {scale_queue_absorb}(p_queue);
  update {scale_queue_job} as marked set cancelling = true from (
    select id from {scale_queue_job}
    where queue = p_queue and tenant = p_tenant and state = 'active' and not cancelling limit p_limit
  ) as running where marked.queue = p_queue and marked.id = running.id;
  get diagnostics v_cancelling = row_count;
  for j in select id from {scale_queue_job}
    where queue = p_queue and tenant = p_tenant and state in ('waiting', 'delayed') limit p_limit - v_cancelling
  loop
    perform {scale_queue_finish}(p_queue, j.id, 'cancelled', null, null, null);
    v_cancelled := v_cancelled + 1;
  end loop;
  return json_build_object('cancelled', v_cancelled, 'cancelling', v_cancelling)::text;
end
$body$;

-- Changes a tenant, which need not have a job.
create or replace function {scale_queue_set_tenant}(p_queue text, p_tenant text, p_share text, p_paused boolean)
returns void language plpgsql as $body$
declare s json := p_share::json;
begin
  perform {scale_queue_lock}(p_queue);
  perform {scale_queue_absorb}(p_queue);
  insert into {scale_queue_tenant} (queue, tenant, tenant_full, tokens_at_ms)
  values (p_queue, p_tenant, s->>'full', {scale_queue_now}()) on conflict do nothing;
  update {scale_queue_tenant} set paused = coalesce(p_paused, paused) where queue = p_queue and tenant = p_tenant;
  if s->>'weight' is not null then
    update {scale_queue_tenant} set weight = (s->>'weight')::float8, max_in_flight = (s->>'maxInFlight')::float8,
      max_backlog = (s->>'maxBacklog')::float8, rate_limit = (s->>'rateLimit')::float8,
      rate_window_ms = (s->>'rateWindowMs')::float8
    where queue = p_queue and tenant = p_tenant;
  end if;
end
$body$;

create or replace function {scale_queue_redrive}(p_queue text, p_is text) returns int language plpgsql as $body$
declare
  s json := p_is::json;
  v_moved int;
begin
  perform {scale_queue_lock}(p_queue);
  with dead as (
    select id from {scale_queue_job} where queue = p_queue and state = 'dead'
      and finished_at_ms < (s->>'diedBeforeMs')::float8
      and (s->'ids' is null or id in (select json_array_elements_text(s->'ids')))
      and (s->>'tenant' is null or tenant = s->>'tenant') and (s->>'name' is null or name = s->>'name')
    order by finished_at_ms, line limit (s->>'max')::int
  ), moved as (
    -- As jobs that were added now: their tenants may have been forgotten.
    update {scale_queue_job} as j set state = 'incoming', attempts_made = 0, crashes = 0, dead_reason = null,
      failure = null, finished_at_ms = null, due_at_ms = null, deadline_at_ms = null, cancelling = false,
      line = nextval(pg_get_serial_sequence({'scale_queue_job'}, 'line'))
    from dead where j.queue = p_queue and j.id = dead.id returning 1
  ) select count(*) into v_moved from moved;
  perform {scale_queue_absorb}(p_queue);
  return v_moved;
end
$body$;

-- Removes up to p_limit jobs of a tenant. Jobs that run are cancelled, and removed when they have ended.
create or replace function {scale_queue_purge}(p_queue text, p_tenant text, p_limit int)
returns int language plpgsql as $body$
declare v_removed int;
begin
  perform {scale_queue_lock}(p_queue);
  perform {scale_queue_absorb}(p_queue);
  update {scale_queue_job} set cancelling = true, purging = true
  where queue = p_queue and tenant = p_tenant and state = 'active' and not purging;
  delete from {scale_queue_job} as j using (
    select id from {scale_queue_job} where queue = p_queue and tenant = p_tenant and state <> 'active' limit p_limit
  ) as picked where j.queue = p_queue and j.id = picked.id;
  get diagnostics v_removed = row_count;
  delete from {scale_queue_key} where queue = p_queue and tenant = p_tenant;
  update {scale_queue_tenant} as t set paused = false, parked_until_ms = 0,
    waiting = (select count(*) from {scale_queue_job} as j
      where j.queue = p_queue and j.tenant = p_tenant and j.state = 'waiting'),
    delayed = (select count(*) from {scale_queue_job} as j
      where j.queue = p_queue and j.tenant = p_tenant and j.state = 'delayed')
  where t.queue = p_queue and t.tenant = p_tenant;
  delete from {scale_queue_tenant} where queue = p_queue and tenant = p_tenant and waiting + delayed + in_flight = 0;
  return v_removed;
end
$body$;

create or replace function {scale_queue_take_claim}(p_queue text, p_key text, p_owner text, p_ttl_ms float8)
returns boolean language plpgsql as $body$
declare v_now float8 := {scale_queue_now}();
begin
  insert into {scale_queue_claim} as c (queue, key, owner, expires_at_ms)
  values (p_queue, p_key, p_owner, v_now + p_ttl_ms)
  on conflict (queue, key) do update set owner = excluded.owner, expires_at_ms = excluded.expires_at_ms
  where c.owner = excluded.owner or c.expires_at_ms <= v_now;
  return found;
end
$body$;
`;
