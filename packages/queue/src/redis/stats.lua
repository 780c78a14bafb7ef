--[[
  Reads what tenants have in the queue. Prefix, clock, charge and ttl as in fair.lua.

  ARGV[4..n]  tenants

  Largest input: 100 tenants.
  Returns per tenant: jobs in its line, delayed, active, dead, 1 paused | 0, ms for which its oldest waiting job has been due, 1 when
  it has a record | 0. O(tenants log jobs). Writes nothing.
]]
local function oldest_wait(tid)
  local line, wait = q .. "fair:l:" .. tid, 0
  local members = rcall("ZRANGE", line, 0, 0)
  for class = 0, 2 do
    local first = rcall("ZRANGEBYSCORE", line, class * CLASS, string.format("(%.17g", (class + 1) * CLASS), "LIMIT", 0, 1)
    members[#members + 1] = first[1]
  end
  for _, member in ipairs(members) do
    local times = rcall("HMGET", q .. job_of(member), "du", "timestamp")
    wait = math.max(wait, now - (tonumber(times[1]) or tonumber(times[2]) or now))
  end
  return wait
end

local reply = {}
for i = 4, #ARGV do
  local tid, t = ARGV[i], tenant_of(ARGV[i])
  for _, value in ipairs({ t.n, t.x, t.f, rcall("ZCARD", q .. "fair:x:" .. tid), t.p, t.n > 0 and oldest_wait(tid) or 0,
    t.is_new and 0 or 1 }) do
    reply[#reply + 1] = value
  end
end
return reply
