--[[
  Cancels jobs of one tenant: those that are waiting or delayed, then those that run. Prefix, clock, charge and ttl as in fair.lua.

  ARGV[4]  finished      number of cancelled jobs that are kept
  ARGV[5]  finished age  ms for which they are kept
  ARGV[6]  tenant
  ARGV[7]  purge         1 keeps nothing of the jobs | 0
  ARGV[8]  limit         number of jobs

  Largest input: 100 jobs.
  Returns jobs cancelled, jobs marked. O(limit log jobs + active jobs).
]]
local tid, is_purged, limit = ARGV[6], ARGV[7] == "1", tonumber(ARGV[8])
local cancelled, cancelling = 0, 0

for _, member in ipairs(rcall("ZRANGE", q .. "fair:l:" .. tid, 0, limit - 1)) do
  local id, cost = job_of(member)
  if cancel_job(id, is_purged, ARGV[4], ARGV[5]) == 0 then
    cancelled = cancelled + 1
  else
    unstage(tid, id, cost)
  end
end
if cancelled < limit then
  for _, id in ipairs(rcall("ZRANGE", q .. "fair:d:" .. tid, 0, limit - cancelled - 1)) do
    if cancel_job(id, is_purged, ARGV[4], ARGV[5]) == 0 then
      cancelled = cancelled + 1
    else
      undelay(tid, id)
    end
  end
end
for _, id in ipairs(rcall("HKEYS", OWNERS)) do
  if cancelled + cancelling == limit then break end
  local owner = owner_of(id)
  if owner.tid == tid and owner.flag < (is_purged and 2 or 1) then
    cancel_job(id, is_purged, ARGV[4], ARGV[5])
    cancelling = cancelling + 1
  end
end
save()
return { cancelled, cancelling }
