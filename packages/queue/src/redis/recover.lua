--[[
  Recovers the jobs of dead workers: BullMQ's script finds those whose lock ended; each gives its slot back, pays for its time, and
  goes to the head of its tenant's line, or is cancelled when that was asked for. Gives back slots of jobs that another program
  removed, and removes what is older than the retention. Prefix, clock, charge and ttl as in fair.lua.

  ARGV[4]  interval      ms for which no other consumer looks again
  ARGV[5]  finished      number of completed jobs that are kept, and of cancelled ones
  ARGV[6]  finished age  ms for which they are kept
  ARGV[7]  dead          number of dead jobs that are kept
  ARGV[8]  dead age      ms for which they are kept

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

-- The end of a job removes older ones: in a queue where none ends they would stay.
local function trim(key, count, age, drop)
  for _, id in ipairs(excess_of(key, count, age)) do drop(id) end
end
local function drop_from(key)
  return function(id)
    rcall("ZREM", key, id)
    remove_job(id)
  end
end
trim(q .. "completed", ARGV[5], ARGV[6], drop_from(q .. "completed"))
trim(CANCELLED, ARGV[5], ARGV[6], drop_from(CANCELLED))
trim(q .. "failed", ARGV[7], ARGV[8], drop_dead)

-- Names of tenants whose record has expired, of twenty tenants each time, in their order.
local swept = rcall("HGET", STATE, "sw") or ""
local names = rcall("ZRANGEBYLEX", q .. "fair:tenants", swept == "" and "-" or "(" .. swept, "+", "LIMIT", 0, 20)
for _, tid in ipairs(names) do
  if rcall("EXISTS", q .. "fair:t:" .. tid, q .. "fair:x:" .. tid) == 0 then rcall("ZREM", q .. "fair:tenants", tid) end
end
local last = #names == 20 and names[20] or ""
if last ~= swept then rcall("HSET", STATE, "sw", last) end
save()
return stalled
