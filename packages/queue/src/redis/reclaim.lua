--[[
  Hands back jobs that were leased to a consumer in a reply that it never got. Prefix, clock, charge and ttl as in fair.lua.

  ARGV[4]     consumer  start of its tokens
  ARGV[5..n]  tokens of the jobs that it runs

  Largest input: 100 active jobs.
  Returns the number of jobs. O(active jobs).
]]
local running, count = {}, 0
for i = 5, #ARGV do running[ARGV[i]] = true end
for _, id in ipairs(rcall("HKEYS", OWNERS)) do
  local owner = owner_of(id)
  if owner and string.sub(owner.token, 1, #ARGV[4]) == ARGV[4] and not running[owner.token] then
    local result = moveJobFromActiveToWait({ ACTIVE, WAIT, q .. "stalled", q .. "paused", q .. "meta", q .. "limiter",
      q .. "prioritized", q .. "marker", EVENTS }, { id, owner.token, q .. id }, as_is)
    if result >= 0 then
      settle_slot(id, owner, 0)
      sort_arrivals({ [id] = true })
      count = count + 1
    end
  end
end
save()
return count
