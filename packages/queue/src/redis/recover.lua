--[[
  Recovers the jobs of dead workers: BullMQ's script finds those whose lock ended; each gives its slot back, pays for its time, and
  goes to the head of its tenant's line, or is cancelled when that was asked for. Gives back slots of jobs that another program
  removed. Prefix, clock, charge and ttl as in fair.lua.

  ARGV[4]  interval      ms for which no other consumer looks again
  ARGV[5]  finished      number of cancelled jobs that are kept
  ARGV[6]  finished age  ms for which they are kept

  Largest input: 100 active jobs.
  Returns the ids of the recovered jobs. O(active jobs).
]]
local stalled = moveStalledJobsToWait({ q .. "stalled", WAIT, ACTIVE, q .. "stalled-check", q .. "meta", q .. "paused",
  q .. "marker", EVENTS, q .. "repeat" }, { 2 ^ 31, q, now, ARGV[4] }, as_is)
local fronts = {}
for _, id in ipairs(stalled) do
  local owner = owner_of(id)
  if owner then settle_slot(id, owner, now - owner.start) end
  if owner and owner.flag > 0 then
    rcall("LREM", WAIT, 1, id)
    keep_cancelled(id, owner.flag == 2, ARGV[5], ARGV[6])
  else
    fronts[id] = true
  end
end
sort_arrivals(fronts, math.huge)
release_lost_slots()
save()
return stalled
