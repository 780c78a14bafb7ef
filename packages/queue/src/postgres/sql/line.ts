/**
 * Functions that keep the lines of the tenants. Each runs under the lock of its queue, which `scale_queue_lock` takes: one
 * step of a queue at a time, so that the counters of a tenant are exact and no two steps can deadlock.
 */
export const LINE_FUNCTIONS: string = `
create or replace function {scale_queue_now}() returns float8 language sql volatile as $body$
  select (extract(epoch from clock_timestamp()) * 1000)::float8
$body$;

create or replace function {scale_queue_lock}(p_queue text) returns float8 language plpgsql as $body$
declare v float8;
begin
  select virtual_time into v from {scale_queue} where queue = p_queue for update;
  if not found then
    insert into {scale_queue} (queue) values (p_queue) on conflict do nothing;
    select virtual_time into v from {scale_queue} where queue = p_queue for update;
  end if;
  return v;
end
$body$;

-- Adds jobs to the counters of a tenant, and puts the share of the last one in force.
create or replace function {scale_queue_enter}(p_queue text, p_tenant text, p_share text, p_waiting bigint, p_delayed bigint)
returns void language plpgsql as $body$
declare
  s json := p_share::json;
  v float8 := (select virtual_time from {scale_queue} where queue = p_queue);
begin
  update {scale_queue_tenant} set
    weight = (s->>'weight')::float8, max_in_flight = (s->>'maxInFlight')::float8, max_backlog = (s->>'maxBacklog')::float8,
    rate_limit = (s->>'rateLimit')::float8, rate_window_ms = (s->>'rateWindowMs')::float8,
    waiting = waiting + p_waiting, delayed = delayed + p_delayed,
    -- A tenant that had nothing to do does not save up service.
    virtual_time = case when waiting = 0 and p_waiting > 0 then greatest(virtual_time, v) else virtual_time end
  where queue = p_queue and tenant = p_tenant;
  if not found then
    insert into {scale_queue_tenant} (queue, tenant, tenant_full, weight, max_in_flight, max_backlog, rate_limit,
      rate_window_ms, tokens, tokens_at_ms, waiting, delayed, virtual_time)
    values (p_queue, p_tenant, s->>'full', (s->>'weight')::float8, (s->>'maxInFlight')::float8, (s->>'maxBacklog')::float8,
      (s->>'rateLimit')::float8, (s->>'rateWindowMs')::float8, coalesce((s->>'rateLimit')::float8, 0), {scale_queue_now}(),
      p_waiting, p_delayed, v);
  end if;
end
$body$;

-- Puts the jobs that transactions have committed since into the lines of their tenants.
create or replace function {scale_queue_absorb}(p_queue text) returns void language plpgsql as $body$
declare
  v_now float8;
  t record;
begin
  if not exists (select 1 from {scale_queue_job} where queue = p_queue and state = 'incoming') then
    return;
  end if;
  v_now := {scale_queue_now}();
  for t in
    with incoming as (
      select id from {scale_queue_job} where queue = p_queue and state = 'incoming' limit 5000
    ), moved as (
      update {scale_queue_job} as j set state = case when j.due_at_ms > v_now then 'delayed' else 'waiting' end,
        waiting_since_ms = v_now
      from incoming where j.queue = p_queue and j.id = incoming.id
      returning j.tenant, j.line, j.state, j.share
    )
    select tenant, count(*) filter (where state = 'waiting') as waiting, count(*) filter (where state = 'delayed') as delayed,
      (array_agg(share order by line desc))[1] as share
    from moved group by tenant order by tenant
  loop
    perform {scale_queue_enter}(p_queue, t.tenant, t.share, t.waiting, t.delayed);
  end loop;
end
$body$;

-- Puts jobs that became due at the end of the lines of their tenants.
create or replace function {scale_queue_promote}(p_queue text) returns void language plpgsql as $body$
begin
  if not exists (
    select 1 from {scale_queue_job} where queue = p_queue and state = 'delayed' and due_at_ms <= {scale_queue_now}()
  ) then
    return;
  end if;
  with due as (
    select id from {scale_queue_job}
    where queue = p_queue and state = 'delayed' and due_at_ms <= {scale_queue_now}() order by due_at_ms limit 1000
  ), moved as (
    update {scale_queue_job} as j set state = 'waiting', due_at_ms = null, waiting_since_ms = j.due_at_ms,
      line = nextval(pg_get_serial_sequence({'scale_queue_job'}, 'line'))
    from due where j.queue = p_queue and j.id = due.id returning j.tenant
  ), counted as (select tenant, count(*) as jobs from moved group by tenant)
  update {scale_queue_tenant} as t set waiting = t.waiting + counted.jobs, delayed = t.delayed - counted.jobs,
    virtual_time = case when t.waiting = 0
      then greatest(t.virtual_time, (select q.virtual_time from {scale_queue} as q where q.queue = p_queue))
      else t.virtual_time end
  from counted where t.queue = p_queue and t.tenant = counted.tenant;
end
$body$;

-- Puts a job that was leased at the head of its tenant's line.
create or replace function {scale_queue_put_back}(p_queue text, p_id text, p_tenant text, p_crashes int)
returns void language plpgsql as $body$
begin
  update {scale_queue_job} as j set state = 'waiting', lease = null, owner = null, lease_until_ms = null,
    crashes = j.crashes + p_crashes,
    line = (select least(coalesce(min(h.line), 0), 0) - 1 from {scale_queue_job} as h
      where h.queue = p_queue and h.tenant = p_tenant and h.state = 'waiting' and h.priority = j.priority)
  where j.queue = p_queue and j.id = p_id;
  update {scale_queue_tenant} as t set in_flight = t.in_flight - 1, waiting = t.waiting + 1
  where t.queue = p_queue and t.tenant = p_tenant;
end
$body$;

-- Ends the leases that were not renewed. A job that was being cancelled is cancelled.
create or replace function {scale_queue_recover}(p_queue text) returns void language plpgsql as $body$
declare j record;
begin
  for j in select id, tenant, cancelling from {scale_queue_job}
    where queue = p_queue and state = 'active' and lease_until_ms < {scale_queue_now}()
    -- The oldest ends up first in the line.
    order by lease_until_ms desc, line desc limit 1000
  loop
    if j.cancelling then
      perform {scale_queue_finish}(p_queue, j.id, 'cancelled', null, null, null);
    else
      perform {scale_queue_put_back}(p_queue, j.id, j.tenant, 1);
    end if;
  end loop;
end
$body$;

-- Ends a job, and takes it out of the counters of its tenant.
create or replace function {scale_queue_finish}(p_queue text, p_id text, p_state text, p_output text, p_failure text,
  p_reason text) returns void language plpgsql as $body$
declare j record;
begin
  select tenant, state, idempotency, purging into j from {scale_queue_job} where queue = p_queue and id = p_id;
  update {scale_queue_job} set state = p_state, finished_at_ms = {scale_queue_now}(), output = p_output,
    failure = coalesce(p_failure, failure), dead_reason = p_reason, lease = null, owner = null, lease_until_ms = null,
    due_at_ms = null
  where queue = p_queue and id = p_id;
  update {scale_queue_tenant} as t set
    in_flight = t.in_flight - (j.state = 'active')::int,
    waiting = t.waiting - (j.state = 'waiting')::int,
    delayed = t.delayed - (j.state = 'delayed')::int
  where t.queue = p_queue and t.tenant = j.tenant;
  if p_state = 'cancelled' then
    delete from {scale_queue_key} where queue = p_queue and key = j.idempotency and job = p_id;
  end if;
  if j.purging then
    delete from {scale_queue_job} where queue = p_queue and id = p_id;
    delete from {scale_queue_tenant} where queue = p_queue and tenant = j.tenant and waiting + delayed + in_flight = 0;
  end if;
end
$body$;
`;
