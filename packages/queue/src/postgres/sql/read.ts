/** Functions that only read. None takes the lock of the queue: a page may miss what moves meanwhile. */
export const READ_FUNCTIONS: string = `
create or replace function {scale_queue_counts}(p_queue text) returns text language sql stable as $body$
  select json_build_object(
    'waiting', (select count(*) from {scale_queue_job} where queue = p_queue and state = 'waiting')
      + (select count(*) from {scale_queue_job} where queue = p_queue and state = 'incoming' and coalesce(due_at_ms, 0) <= {scale_queue_now}()),
    'delayed', (select count(*) from {scale_queue_job} where queue = p_queue and state = 'delayed')
      + (select count(*) from {scale_queue_job} where queue = p_queue and state = 'incoming' and due_at_ms > {scale_queue_now}()),
    'active', (select count(*) from {scale_queue_job} where queue = p_queue and state = 'active'),
    'dead', (select count(*) from {scale_queue_job} where queue = p_queue and state = 'dead')
  )::text
$body$;

create or replace function {scale_queue_tenants}(p_queue text, p_after text, p_only text, p_limit int)
returns setof text language sql stable as $body$
  select json_build_object(
    'tenant', t.tenant, 'full', t.tenant_full, 'paused', t.paused,
    'waiting', t.waiting + (select count(*) from {scale_queue_job} as j where j.queue = p_queue and j.tenant = t.tenant
      and j.state = 'incoming' and coalesce(j.due_at_ms, 0) <= {scale_queue_now}()),
    'delayed', t.delayed + (select count(*) from {scale_queue_job} as j where j.queue = p_queue and j.tenant = t.tenant
      and j.state = 'incoming' and j.due_at_ms > {scale_queue_now}()),
    'active', t.in_flight,
    'dead', (select count(*) from {scale_queue_job} as j
      where j.queue = p_queue and j.tenant = t.tenant and j.state = 'dead'),
    'oldestWaitMs', greatest(0, {scale_queue_now}() - coalesce((
      select min(head.waiting_since_ms) from generate_series(0, 2) as p (priority), lateral (
        select j.waiting_since_ms from {scale_queue_job} as j
        where j.queue = p_queue and j.tenant = t.tenant and j.state = 'waiting' and j.priority = p.priority
        order by j.line limit 1
      ) as head), {scale_queue_now}()))
  )::text
  from (
    select tenant, tenant_full, paused, waiting, delayed, in_flight from {scale_queue_tenant} where queue = p_queue
    union all
    -- Tenants whose first jobs have no line yet.
    select i.tenant, (array_agg(i.share))[1]::json->>'full', false, 0, 0, 0 from {scale_queue_job} as i
    where i.queue = p_queue and i.state = 'incoming' and not exists (
      select 1 from {scale_queue_tenant} as k where k.queue = p_queue and k.tenant = i.tenant)
    group by i.tenant
  ) as t
  where (p_only is null or t.tenant = p_only) and (p_after is null or t.tenant > p_after)
    and (p_only is not null or t.paused or t.waiting + t.delayed + t.in_flight > 0
      or exists (select 1 from {scale_queue_job} as j
        where j.queue = p_queue and j.tenant = t.tenant and j.state in ('incoming', 'dead')))
  order by t.tenant limit p_limit
$body$;

create or replace function {scale_queue_list}(p_queue text, p_state text, p_tenant text, p_offset int, p_limit int)
returns setof text language sql stable as $body$
  select row_to_json(j)::text from {scale_queue_job} as j
  where j.queue = p_queue and (p_tenant is null or j.tenant = p_tenant)
    and case when j.state = 'incoming' then
        case when j.due_at_ms > {scale_queue_now}() then 'delayed' else 'waiting' end
      else j.state end = p_state
  order by case when p_state = 'delayed' then j.due_at_ms end, j.finished_at_ms desc nulls last, j.priority, j.line
  offset p_offset limit p_limit
$body$;
`;
