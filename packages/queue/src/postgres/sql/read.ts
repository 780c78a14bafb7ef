/** Functions that read. A page may miss a job that moves meanwhile. */
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

-- Executed with the state as a literal, so that the index of the state is used.
create or replace function {scale_queue_list}(p_queue text, p_state text, p_tenant text, p_offset int, p_limit int)
returns setof text language plpgsql as $body$
begin
  if p_state in ('waiting', 'delayed') then
    perform {scale_queue_lock}(p_queue);
    perform {scale_queue_absorb}(p_queue);
  end if;
  return query execute format(
    'select row_to_json(j)::text from %s as j
     where j.queue = $1 and j.state = %L and ($2 is null or j.tenant = $2) order by %s offset $3 limit $4',
    {'scale_queue_job'}, p_state,
    -- Jobs of one millisecond have an order too: the next page begins where this one ends.
    case p_state when 'waiting' then 'j.priority, j.line, j.id' when 'delayed' then 'j.due_at_ms, j.line, j.id'
      when 'active' then 'j.started_at_ms, j.line, j.id' else 'j.finished_at_ms desc, j.line desc, j.id desc' end
  ) using p_queue, p_tenant, p_offset, p_limit;
end
$body$;
`;
