--[[
  One turn of a consumer: settles jobs that ran, and leases as many others in the order of the scheduler, in one atomic step. Prefix,
  clock, charge and ttl as in fair.lua.

  ARGV[4]  settlements  number of them
  ARGV[5]  fetches      number of jobs to lease beside those that take over the slot of a settled one
  ARGV[6]  paused       1 when nothing is to be leased | 0
  ARGV[7]  finished     number of completed jobs that are kept, and of cancelled ones
  ARGV[8]  finished age ms for which they are kept
  ARGV[9]  dead         number of dead jobs that are kept
  ARGV[10] dead age     ms for which they are kept
  ARGV[11] lock         ms after which a lease ends that is not renewed
  ARGV[12..n]           per settlement: kind (completed | dead | retry | handed-back | throttled), id, token, ms used,
                          output or failure, ms since the epoch of the retry or of the end of the throttling, number of fields
                          to store, and those: name, value
                        per fetch: token

  Largest input: 50 settlements and 50 fetches.
  Returns outcomes (0 applied, 1 cancelled, 2 lost), leases (for each: index of the settlement whose token it has, or minus that of
  the fetch; fields of the job; its id), and ms since the epoch at which a job becomes due that none can be leased before, or 0.
  O((settlements + fetches) log jobs). Completed and dead jobs last as long as the arguments say.
]]
-- BullMQ takes the next job from READY, which this script fills; it finds no due job, because NONE stands for the delayed ones.
local finished_keys = { READY, ACTIVE, q .. "prioritized", EVENTS, q .. "stalled", q .. "limiter", NONE, q .. "paused",
  q .. "meta", q .. "pc", "", "", "", q .. "marker" }
local active_keys = { READY, ACTIVE, q .. "prioritized", EVENTS, q .. "stalled", q .. "limiter", NONE, q .. "paused",
  q .. "meta", q .. "pc", q .. "marker" }
local is_paused, lock_ms = ARGV[6] == "1", tonumber(ARGV[11])
local leases, offered = {}, {}

-- BullMQ's script fetched an offered job, or, in a flow of BullMQ's, one that it put in front of them.
local function lease(result, slot, token)
  if type(result) ~= "table" or type(result[1]) ~= "table" then return false end
  local id = result[2]
  local picked = offered[id]
  offered[id] = nil
  if not picked then
    local opts = read_opts(id) or { tn = "" }
    local t = tenant_of(opts.tn)
    t.f = t.f + 1
    place(opts.tn, t)
    picked = { tid = opts.tn, charged = 0 }
  end
  take_slot(id, { flag = 0, charged = picked.charged, start = now, token = token, tid = picked.tid })
  leases[#leases + 1] = slot
  leases[#leases + 1] = result[1]
  leases[#leases + 1] = id
  return true
end

local finished_opts = { keepJobs = { count = tonumber(ARGV[7]), age = tonumber(ARGV[8]) / 1000 }, attempts = 1,
  lockDuration = lock_ms, maxMetricsSize = "" }
-- The index of dead jobs has to know which are removed: keep_dead does it.
local dead_opts = { keepJobs = { count = -1 }, attempts = 1, lockDuration = lock_ms, maxMetricsSize = "" }

-- A lock ends while the process of its worker is blocked. The slot is the worker's until another one has recovered the job, so that
-- the run may still end it.
local function lock_again(run) rcall("SET", q .. run.id .. ":lock", run.token, "PX", lock_ms) end

local NO_LOCK, LONG_VALUE = -2, 1024

-- The event of a completed job has its output: ten thousand events of large outputs would fill the memory of the server.
local function shorten_event(id)
  for _, entry in ipairs(rcall("XREVRANGE", EVENTS, "+", "-", "COUNT", 8)) do
    local fields = entry[2]
    if fields[2] == "completed" and fields[4] == id then
      rcall("XDEL", EVENTS, entry[1])
      return rcall("XADD", EVENTS, "*", "event", "completed", "jobId", id, "returnvalue", "null", "prev", "active")
    end
  end
end

local function finish(run)
  local is_done = run.kind == "completed"
  local target = is_done and "completed" or "failed"
  local opts = is_done and finished_opts or dead_opts
  opts.token = run.token
  finished_keys[11], finished_keys[12], finished_keys[13] = q .. target, q .. run.id, q .. "metrics:" .. target
  local args = { run.id, now, is_done and "returnvalue" or "failedReason", run.value, target, next(offered) and "1" or "0", q,
    opts, run.fields }
  local result = moveToFinished(finished_keys, args, as_is)
  if result == NO_LOCK then
    lock_again(run)
    result = moveToFinished(finished_keys, args, as_is)
  end
  if type(result) == "number" and result < 0 then return 2 end
  if is_done and #run.value > LONG_VALUE then shorten_event(run.id) end
  lease(result, run.slot, run.token)
  if not is_done then keep_dead(run.tid, run.id, ARGV[9], ARGV[10]) end
  return 0
end

local function retry(run)
  local keys = { q .. "marker", ACTIVE, q .. "prioritized", DELAYED, q .. run.id, EVENTS, q .. "meta", q .. "stalled", READY,
    q .. "limiter", q .. "pc" }
  local args = { q, now, run.id, run.token, math.max(run.at - now, 0), "0", run.fields, "0" }
  local result = moveToDelayed(keys, args, as_is)
  if result == NO_LOCK then
    lock_again(run)
    result = moveToDelayed(keys, args, as_is)
  end
  if result < 0 then return 2 end
  delay(run.tid, run.id, run.at)
  return 0
end

local function hand_back(run)
  local keys = { ACTIVE, WAIT, q .. "stalled", q .. "paused", q .. "meta", q .. "limiter", q .. "prioritized", q .. "marker",
    EVENTS }
  local args = { run.id, run.token, q .. run.id }
  local result = moveJobFromActiveToWait(keys, args, as_is)
  if result == NO_LOCK then
    lock_again(run)
    result = moveJobFromActiveToWait(keys, args, as_is)
  end
  if result < 0 then return 2 end
  sort_arrivals({ [run.id] = true })
  if run.kind == "throttled" then
    local t = tenant_of(run.tid)
    t.u = run.at
    place(run.tid, t)
  end
  return 0
end

local function read_runs(count)
  local runs, ids, at = {}, {}, 12
  for i = 1, count do
    local run = { slot = i, kind = ARGV[at], id = ARGV[at + 1], token = ARGV[at + 2], used = tonumber(ARGV[at + 3]),
      value = ARGV[at + 4], at = tonumber(ARGV[at + 5]), fields = {} }
    local next_at = at + 7 + tonumber(ARGV[at + 6])
    for j = at + 7, next_at - 1 do run.fields[#run.fields + 1] = ARGV[j] end
    runs[i], ids[i], at = run, run.id, next_at
  end
  read_owners(ids)
  local names = {}
  for _, owner in pairs(owners) do
    if owner then names[owner.tid] = true end
  end
  load_tenants(names)
  return runs, at
end

promote_due()
sort_arrivals()
wake_parked()

-- 1. Every run that still has its slot gives it back. A run that was cancelled meanwhile ends so, whatever its handler did.
local outcomes = {}
local runs, at = read_runs(tonumber(ARGV[4]))
local fetches = tonumber(ARGV[5])
local wanted = fetches
for i, run in ipairs(runs) do
  local owner = owner_of(run.id)
  if not owner or owner.token ~= run.token then
    outcomes[i] = 2
  else
    run.tid = owner.tid
    settle_slot(run.id, owner, run.used)
    if owner.flag > 0 then
      leave_active(run.id)
      keep_cancelled(run.id, owner.flag == 2, ARGV[7], ARGV[8])
      outcomes[i] = 1
    elseif run.kind == "retry" then
      outcomes[i] = retry(run)
    elseif run.kind ~= "completed" and run.kind ~= "dead" then
      outcomes[i] = hand_back(run)
    else
      wanted = wanted + 1
    end
  end
end

-- 2. The scheduler picks jobs for the free slots, in its order: the first one last in the list, where BullMQ's script looks.
local picks = pick(is_paused and 0 or wanted)
local ready = {}
for i, picked in ipairs(picks) do
  offered[picked.id] = picked
  ready[#picks + 1 - i] = picked.id
end
if #ready > 0 then rcall("RPUSH", READY, unpack(ready)) end

-- 3. BullMQ's scripts finish the runs and fetch the picked jobs.
for i, run in ipairs(runs) do
  if not outcomes[i] then outcomes[i] = finish(run) end
end
for i = 1, fetches do
  if not next(offered) then break end
  local token = ARGV[at + i - 1]
  if not lease(moveToActive(active_keys, { q, now, { token = token, lockDuration = lock_ms } }, as_is), -i, token) then break end
end

-- Offered jobs that BullMQ did not take go back: the whole queue is paused, or its limiter has no room.
local left = #picks > 0 and rcall("LRANGE", READY, 0, -1) or {}
for _, id in ipairs(left) do
  if offered[id] then
    unpick(offered[id])
  else
    restage(id)
  end
end
if #left > 0 then rcall("DEL", READY) end
-- A delayed job that BullMQ stored for a deduplicated one.
local stored = rcall("ZRANGE", NONE, 0, -1, "WITHSCORES")
for i = 1, #stored, 2 do rcall("ZADD", DELAYED, stored[i + 1], stored[i]) end
if #stored > 0 then rcall("DEL", NONE) end
save()

local wake = 0
local due = rcall("ZRANGE", DELAYED, 0, 0, "WITHSCORES")[2]
if due then wake = math.floor(due / 4096) end
local parked = tonumber(rcall("ZRANGE", PARKED, 0, 0, "WITHSCORES")[2])
if parked and (wake == 0 or parked < wake) then wake = parked end
return { outcomes, leases, string.format("%.0f", wake) }
