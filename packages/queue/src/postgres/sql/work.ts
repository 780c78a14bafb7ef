/** Functions that workers call. */
export const WORK_FUNCTIONS: string = `
-- Leases up to p_max jobs: each time the first job of the tenant with the lowest virtual time that may run one.
create or replace function {scale_queue_lease}(p_queue text, p_owner uuid, p_max int, p_lease_ms float8, p_charge text)
returns setof text language plpgsql as $body$
declare
  v float8 := {scale_queue_lock}(p_queue);
  v_now float8;
  v_estimate float8;
  v_charge float8;
  v_row text;
  t record;
  j record;
begin
  perform {scale_queue_absorb}(p_queue);
  perform {scale_queue_promote}(p_queue);
  perform {scale_queue_recover}(p_queue);
  v_now := {scale_queue_now}();
  select greatest(estimate_ms, 1) into v_estimate from {scale_queue} where queue = p_queue;
  for i in 1..p_max loop
    select * into t from {scale_queue_tenant}
    where queue = p_queue and waiting > 0 and not paused and parked_until_ms <= v_now
      and (max_in_flight is null or in_flight < max_in_flight)
      and (rate_limit is null or least(rate_limit, tokens + (v_now - tokens_at_ms) * rate_limit / rate_window_ms) >= 1)
    order by virtual_time, tenant limit 1;
    exit when not found;
    select id, cost into j from {scale_queue_job}
    where queue = p_queue and tenant = t.tenant and state = 'waiting' order by priority, line limit 1;
    if not found then
      -- The counter was wrong, after a change of the table by hand for example.
      update {scale_queue_tenant} set waiting = 0 where queue = p_queue and tenant = t.tenant;
      continue;
    end if;
    v_charge := case when p_charge = 'count' then j.cost when t.estimate_ms > 0 then t.estimate_ms else v_estimate end;
    update {scale_queue_job} as leased set state = 'active', lease = gen_random_uuid(), owner = p_owner,
      lease_until_ms = v_now + p_lease_ms, started_at_ms = v_now, charged = v_charge
    where queue = p_queue and id = j.id returning row_to_json(leased)::text into v_row;
    update {scale_queue_tenant} set waiting = waiting - 1, in_flight = in_flight + 1,
      virtual_time = virtual_time + v_charge / weight,
      tokens = case when rate_limit is null then 0
        else least(rate_limit, tokens + (v_now - tokens_at_ms) * rate_limit / rate_window_ms) - 1 end,
      tokens_at_ms = v_now
    where queue = p_queue and tenant = t.tenant;
    v := greatest(v, t.virtual_time);
    return next v_row;
  end loop;
  update {scale_queue} set virtual_time = v where queue = p_queue and virtual_time < v;
end
$body$;

-- Renews leases of a worker, and no others: a lease that it does not know of ends. Returns those that it still has, and whether
-- the job is to be cancelled.
create or replace function {scale_queue_renew_known}(p_queue text, p_owner uuid, p_lease_ms float8, p_leases text)
returns setof text language plpgsql as $body$
begin
  perform {scale_queue_lock}(p_queue);
  return query with renewed as (
    update {scale_queue_job} as j set lease_until_ms = {scale_queue_now}() + p_lease_ms
    where j.queue = p_queue and j.state = 'active' and j.owner = p_owner
      and j.lease in (select value::uuid from json_array_elements_text(p_leases::json))
    returning j.lease, j.cancelling
  ) select row_to_json(renewed)::text from renewed;
end
$body$;

-- Hands back jobs that were leased to a worker in an answer that it never got: p_held are the leases that it knows of.
create or replace function {scale_queue_reclaim}(p_queue text, p_owner uuid, p_held json) returns void language plpgsql as $body$
declare j record;
begin
  for j in select id, tenant, charged, cancelling from {scale_queue_job}
    where queue = p_queue and state = 'active' and owner = p_owner
      and lease not in (select value::uuid from json_array_elements_text(p_held))
    -- The oldest ends up first in the line.
    order by line desc
  loop
    if j.cancelling then
      perform {scale_queue_finish}(p_queue, j.id, 'cancelled', null, null, null);
    else
      update {scale_queue_tenant} set virtual_time = virtual_time - j.charged / weight
      where queue = p_queue and tenant = j.tenant;
      perform {scale_queue_put_back}(p_queue, j.id, j.tenant, 0);
    end if;
  end loop;
end
$body$;

-- Ends a lease. A cancel that came first wins.
create or replace function {scale_queue_settle_run}(p_queue text, p_charge text, p_is json)
returns text language plpgsql as $body$
declare
  s json := p_is;
  v_id text := s->>'id';
  v_kind text := s->>'kind';
  v_used float8 := (s->>'usedMs')::float8;
  v_due float8 := coalesce((s->>'atMs')::float8, (s->>'untilMs')::float8);
  v_result text := 'applied';
  j record;
begin
  select tenant, charged, cancelling into j from {scale_queue_job}
  where queue = p_queue and id = v_id and state = 'active' and lease = (s->>'lease')::uuid;
  if not found then
    return 'lost';
  end if;
  if p_charge = 'time' then
    update {scale_queue_tenant} set virtual_time = virtual_time + (v_used - j.charged) / weight,
      estimate_ms = case when estimate_ms = 0 then v_used else 0.8 * estimate_ms + 0.2 * v_used end
    where queue = p_queue and tenant = j.tenant;
    update {scale_queue} set estimate_ms = case when estimate_ms = 0 then v_used else 0.95 * estimate_ms + 0.05 * v_used end
    where queue = p_queue;
  elsif v_kind in ('handed-back', 'throttled') then
    update {scale_queue_tenant} set virtual_time = virtual_time - j.charged / weight
    where queue = p_queue and tenant = j.tenant;
  end if;
  if j.cancelling then
    perform {scale_queue_finish}(p_queue, v_id, 'cancelled', null, null, null);
    v_result := 'cancelled';
  elsif v_kind = 'completed' then
    perform {scale_queue_finish}(p_queue, v_id, 'completed', s->>'output', null, null);
  elsif v_kind = 'dead' then
    update {scale_queue_job} set attempts_made = (s->>'attemptsMade')::int where queue = p_queue and id = v_id;
    perform {scale_queue_finish}(p_queue, v_id, 'dead', null, s->>'failure', s->>'reason');
  elsif v_kind = 'retry' then
    update {scale_queue_job} set state = 'delayed', due_at_ms = v_due, attempts_made = (s->>'attemptsMade')::int,
      failure = s->>'failure', lease = null, owner = null, lease_until_ms = null
    where queue = p_queue and id = v_id;
    update {scale_queue_tenant} set in_flight = in_flight - 1, delayed = delayed + 1
    where queue = p_queue and tenant = j.tenant;
  else
    perform {scale_queue_put_back}(p_queue, v_id, j.tenant, 0);
    if v_kind = 'throttled' then
      update {scale_queue_tenant} set parked_until_ms = greatest(parked_until_ms, v_due)
      where queue = p_queue and tenant = j.tenant;
    end if;
  end if;
  return v_result;
end
$body$;

-- Completes the runs of a turn that were completed and are not to be cancelled, which are most, in one statement. Returns their ids.
-- Only with the charge count: the averages of the charge time follow one run after the other.
create or replace function {scale_queue_complete}(p_queue text, p_ended json) returns text[] language plpgsql as $body$
declare
  v_now float8 := {scale_queue_now}();
  v_done text[];
begin
  with ended as (
    select value->>'id' as id, (value->>'lease')::uuid as lease, value->>'output' as output
    from json_array_elements(p_ended) where value->>'kind' = 'completed'
  ), done as (
    update {scale_queue_job} as j set state = 'completed', finished_at_ms = v_now, output = ended.output, lease = null,
      owner = null, lease_until_ms = null, due_at_ms = null
    from ended where j.queue = p_queue and j.id = ended.id and j.state = 'active' and j.lease = ended.lease and not j.cancelling
    returning j.id, j.tenant
  ), freed as (
    update {scale_queue_tenant} as t set in_flight = t.in_flight - counted.jobs
    from (select tenant, count(*) as jobs from done group by tenant) as counted
    where t.queue = p_queue and t.tenant = counted.tenant
  )
  select array_agg(id) into v_done from done;
  return v_done;
end
$body$;

-- One turn of a worker: settles the runs that have ended, and leases as many jobs as it has room for. Returns an outcome for each
-- run, and then the leased jobs. One call and one commit serve many jobs.
create or replace function {scale_queue_turn}(p_queue text, p_owner uuid, p_is text) returns setof text
language plpgsql as $body$
declare
  s json := p_is::json;
  v_max int := (s->>'max')::int;
  v_done text[];
  ended json;
begin
  perform {scale_queue_lock}(p_queue);
  if s->>'charge' = 'count' then
    v_done := {scale_queue_complete}(p_queue, s->'ended');
  end if;
  for ended in select value from json_array_elements(s->'ended') loop
    if ended->>'id' = any (v_done) then
      return next 'applied';
    else
      return next {scale_queue_settle_run}(p_queue, s->>'charge', ended);
    end if;
  end loop;
  -- A small retention is kept at once; a large one by scale_queue_maintain.
  if s->>'trimTo' is not null then
    delete from {scale_queue_job} as old using (
      select id from {scale_queue_job} where queue = p_queue and state in ('completed', 'cancelled')
      order by finished_at_ms desc offset (s->>'trimTo')::int limit 200
    ) as excess where old.queue = p_queue and old.id = excess.id;
  end if;
  if s->'held' is not null then
    perform {scale_queue_reclaim}(p_queue, p_owner, s->'held');
  end if;
  if v_max > 0 then
    return query select leased from {scale_queue_lease}(p_queue, p_owner, v_max, (s->>'leaseMs')::float8, s->>'charge') as leased;
  end if;
end
$body$;

-- Recovers jobs of dead workers, and deletes what the retention ends. At most 1000 rows of each kind.
create or replace function {scale_queue_maintain}(p_queue text, p_finished_count int, p_finished_age_ms float8,
  p_dead_count int, p_dead_age_ms float8) returns void language plpgsql as $body$
declare v_now float8 := {scale_queue_now}();
begin
  perform {scale_queue_lock}(p_queue);
  perform {scale_queue_promote}(p_queue);
  perform {scale_queue_recover}(p_queue);
  perform {scale_queue_forget_tenants}(p_queue);
  delete from {scale_queue_job} as j using (
    select id from {scale_queue_job} where queue = p_queue and state in ('completed', 'cancelled')
    order by finished_at_ms desc offset p_finished_count limit 1000
  ) as excess where j.queue = p_queue and j.id = excess.id;
  delete from {scale_queue_job} as j using (
    select id from {scale_queue_job} where queue = p_queue and state in ('completed', 'cancelled')
      and finished_at_ms < v_now - p_finished_age_ms limit 1000
  ) as old where j.queue = p_queue and j.id = old.id;
  delete from {scale_queue_job} as j using (
    select id from {scale_queue_job} where queue = p_queue and state = 'dead'
    order by finished_at_ms desc offset p_dead_count limit 1000
  ) as excess where j.queue = p_queue and j.id = excess.id;
  delete from {scale_queue_job} as j using (
    select id from {scale_queue_job} where queue = p_queue and state = 'dead'
      and finished_at_ms < v_now - p_dead_age_ms limit 1000
  ) as old where j.queue = p_queue and j.id = old.id;
  delete from {scale_queue_key} as k using (
    select queue, key from {scale_queue_key} where expires_at_ms < v_now limit 1000 for update skip locked
  ) as old where k.queue = old.queue and k.key = old.key;
  delete from {scale_queue_claim} as c using (
    select queue, key from {scale_queue_claim} where expires_at_ms < v_now limit 1000 for update skip locked
  ) as old where c.queue = old.queue and c.key = old.key;
end
$body$;

-- Deletes the rows of tenants that have had no job for a day, of a hundred tenants each time, in their order.
create or replace function {scale_queue_forget_tenants}(p_queue text) returns void language plpgsql as $body$
declare v_last text;
begin
  with part as (
    select t.tenant, t.waiting + t.delayed + t.in_flight = 0 and not t.paused
      and greatest(t.tokens_at_ms, t.parked_until_ms) < {scale_queue_now}() - 86400000 as is_idle
    from {scale_queue_tenant} as t
    where t.queue = p_queue and t.tenant > (select swept from {scale_queue} where queue = p_queue)
    order by t.tenant limit 100
  ), forgotten as (
    delete from {scale_queue_tenant} as t using part
    where t.queue = p_queue and t.tenant = part.tenant and part.is_idle and not exists (
      select 1 from {scale_queue_job} as j where j.queue = p_queue and j.tenant = t.tenant and j.state in ('incoming', 'dead'))
  )
  select case when count(*) = 100 then max(tenant) else '' end into v_last from part;
  update {scale_queue} set swept = v_last where queue = p_queue and swept <> v_last;
end
$body$;
`;
