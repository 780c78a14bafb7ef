--[[
  Cancels jobs of one tenant, a batch at a time. Prefix, clock, charge and ttl as in fair.lua.

  ARGV[4]  finished      number of cancelled jobs that are kept
  ARGV[5]  finished age  ms for which they are kept
  ARGV[6]  tenant
  ARGV[7]  purge         1 keeps nothing of the jobs | 0
  ARGV[8]  bound         "" in the first batch; then what the batch before returned: later jobs are left alone
  ARGV[9]  batch         number of jobs

  Returns jobs cancelled, jobs marked, 1 when there may be more | 0, the bound.
  O(batch log jobs), and O(active jobs) in the first batch.
]]
local tid, is_purged, limit = ARGV[6], ARGV[7] == "1", tonumber(ARGV[9])
local t = tenant_of(tid)
local bound = tonumber(ARGV[8]) or t.s
local cancelled, cancelling = 0, 0

local function count(outcome)
  if outcome == 0 then cancelled = cancelled + 1 end
  if outcome == 1 then cancelling = cancelling + 1 end
end

if ARGV[8] == "" then
  local owners = rcall("HKEYS", OWNERS)
  for _, id in ipairs(owners) do
    local owner = owner_of(id)
    if owner.tid == tid then count(cancel_job(id, is_purged, ARGV[4], ARGV[5])) end
  end
end

local members = rcall("ZRANGE", q .. "fair:l:" .. tid, 0, limit - 1, "WITHSCORES")
for i = 1, #members, 2 do
  local id, cost = job_of(members[i])
  local is_old = members[i + 1] % CLASS <= bound or tonumber(members[i + 1]) < 0
  if is_old and rcall("EXISTS", q .. id) == 0 then
    unstage(tid, id, cost)
  elseif is_old then
    count(cancel_job(id, is_purged, ARGV[4], ARGV[5]))
  end
end
local delayed = rcall("ZRANGE", q .. "fair:d:" .. tid, 0, limit - 1)
for _, id in ipairs(delayed) do
  local outcome = cancel_job(id, is_purged, ARGV[4], ARGV[5])
  count(outcome)
  if outcome > 1 then undelay(tid, id) end
end
save()
local more = (#members == 2 * limit or #delayed == limit) and cancelled > 0
return { cancelled, cancelling, more and 1 or 0, string.format("%.0f", bound) }
