--[[
  Changes how one tenant is served. Prefix, clock, charge and ttl as in fair.lua.

  ARGV[4]  change  pause | resume | share | purge
  ARGV[5]  tenant
  ARGV[6..n]       share: weight, cap, backlog limit, limit and ms of the rate (0 without)

  Largest input: one tenant.
  Returns 1. O(log tenants), for a purge O(deduplication ids of the tenant). The record of a tenant without jobs expires, unless it is paused.
]]
local tid, t = ARGV[5], tenant_of(ARGV[5])
if ARGV[4] == "pause" then t.p = 1 end
if ARGV[4] == "resume" or ARGV[4] == "purge" then t.p = 0 end
if ARGV[4] == "purge" then t.w, t.c, t.b, t.ql, t.u = 1, math.huge, math.huge, 0, 0 end
if ARGV[4] == "share" then
  t.w, t.c, t.b, t.ql, t.qw = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
end
place(tid, t)
save()
if ARGV[4] == "purge" then
  for _, deduplication in ipairs(rcall("ZRANGE", q .. "fair:i:" .. tid, 0, -1)) do
    rcall("DEL", q .. "de:" .. deduplication)
  end
  rcall("DEL", q .. "fair:i:" .. tid, q .. "fair:x:" .. tid)
  if t.n == 0 and t.f == 0 and t.x == 0 then
    rcall("DEL", q .. "fair:t:" .. tid)
    rcall("ZREM", q .. "fair:tenants", tid)
  end
end
return 1
