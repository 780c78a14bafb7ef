--[[
  One turn of a consumer: settles jobs that ran, and leases as many others in the order of the scheduler, in one atomic step. Prefix,
  clock, charge and ttl as in fair.lua.

  ARGV[4]  settlements  number of them
  ARGV[5]  fetches      number of jobs to lease beside those that take over the slot of a settled one
  ARGV[6]  paused       1 when nothing is to be leased | 0
  ARGV[7]  finished     number of cancelled jobs that are kept
  ARGV[8]  finished age ms for which they are kept
  ARGV[9]  dead         number of dead jobs that are kept
  ARGV[10] dead age     ms for which they are kept
  ARGV[11..n]           per settlement: kind (completed | dead | retry | handed-back | throttled), id, token, ms used,
                          value, options of BullMQ's moveToFinished (msgpack), fields to store (msgpack list), ms since the epoch
                          of the retry or of the end of the throttling
                        per fetch: options of BullMQ's moveToActive (msgpack)

  Returns outcomes (0 applied, 1 cancelled, 2 lost), leases (for each slot: index of the settlement whose token it has, or minus that
  of the fetch; fields of the job; its id), and ms since the epoch at which a job becomes due that none can be leased before, or 0.
  O((settlements + fetches) log jobs). Completed and dead jobs last as long as BullMQ's options and the arguments say.
]]
-- BullMQ takes the next job from READY, which this script fills; it finds no due job, because NONE stands for the delayed ones.
local finished_keys = { READY, ACTIVE, q .. "prioritized", EVENTS, q .. "stalled", q .. "limiter", NONE, q .. "paused",
  q .. "meta", q .. "pc", "", "", "", q .. "marker" }
local active_keys = { READY, ACTIVE, q .. "prioritized", EVENTS, q .. "stalled", q .. "limiter", NONE, q .. "paused",
  q .. "meta", q .. "pc", q .. "marker" }
local leases, picked_jobs = {}, {}
local is_paused = ARGV[6] == "1"

promote_due()
sort_arrivals()
wake_parked()

-- Puts the next job where BullMQ's script takes it from.
local function offer()
  if is_paused then return nil end
  local picked = pick()
  if picked then
    picked_jobs[picked.id] = picked
    rcall("RPUSH", READY, picked.id)
  end
  return picked
end

-- What BullMQ's script fetched: the offered job, or, in a flow of BullMQ's, one that it put in front of it.
local function lease(result, slot, token)
  if type(result) ~= "table" or type(result[1]) ~= "table" then return false end
  local id = result[2]
  local picked = picked_jobs[id]
  if picked then
    picked_jobs[id] = nil
  else
    local opts = read_opts(id) or { tn = "" }
    local t = tenant_of(opts.tn)
    t.f = t.f + 1
    place(opts.tn, t)
    picked = { tid = opts.tn, charged = 0 }
  end
  rcall("HSET", OWNERS, id, pack_owner(0, picked.charged, now, token, picked.tid))
  leases[#leases + 1] = slot
  leases[#leases + 1] = result[1]
  leases[#leases + 1] = id
  return true
end

local function finish(at, slot, kind, id, token)
  local is_done = kind == "completed"
  local picked = offer()
  finished_keys[11] = q .. (is_done and "completed" or "failed")
  finished_keys[12] = q .. id
  finished_keys[13] = q .. "metrics:" .. (is_done and "completed" or "failed")
  local result = moveToFinished(finished_keys, { id, now, is_done and "returnvalue" or "failedReason", ARGV[at + 4],
    is_done and "completed" or "failed", picked and "1" or "0", q, ARGV[at + 5], ARGV[at + 6] })
  if type(result) == "number" and result < 0 then return 2 end
  lease(result, slot, token)
  return 0
end

local function move_to_delayed(at, id, token, tid)
  local due = tonumber(ARGV[at + 7])
  local keys = { q .. "marker", ACTIVE, q .. "prioritized", DELAYED, q .. id, EVENTS, q .. "meta", q .. "stalled", READY,
    q .. "limiter", q .. "paused", q .. "pc" }
  local result = moveToDelayed(keys, { q, now, id, token, math.max(due - now, 0), "0", ARGV[at + 6], "0", "" })
  if type(result) == "number" and result < 0 then return 2 end
  delay(tid, id, due)
  return 0
end

local function hand_back(id, token)
  local keys = { ACTIVE, WAIT, q .. "stalled", q .. "paused", q .. "meta", q .. "limiter", q .. "prioritized", q .. "marker",
    EVENTS }
  local result = moveJobFromActiveToWait(keys, { id, token, q .. id })
  if type(result) == "number" and result < 0 then return 2 end
  sort_arrivals({ [id] = true })
  return 0
end

local function settle(at, slot)
  local kind, id, token = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  if token == "" then token = cmsgpack.unpack(ARGV[at + 5])["token"] end
  local owner = owner_of(id)
  if not owner or owner.token ~= token then return 2 end
  settle_slot(id, owner, tonumber(ARGV[at + 3]))
  if owner.flag > 0 then
    leave_active(id)
    keep_cancelled(id, owner.flag == 2, ARGV[7], ARGV[8])
    return 1
  end
  if kind == "completed" or kind == "dead" then
    local outcome = finish(at, slot, kind, id, token)
    if kind == "dead" and outcome == 0 then keep_dead(owner.tid, id, ARGV[9], ARGV[10]) end
    return outcome
  end
  if kind == "retry" then return move_to_delayed(at, id, token, owner.tid) end
  if kind == "throttled" then
    local t = tenant_of(owner.tid)
    t.u = tonumber(ARGV[at + 7])
    place(owner.tid, t)
  end
  return hand_back(id, token)
end

local outcomes, at = {}, 11
for i = 1, tonumber(ARGV[4]) do
  outcomes[i] = settle(at, i)
  at = at + 8
end
for i = 1, tonumber(ARGV[5]) do
  if not offer() then break end
  local token = cmsgpack.unpack(ARGV[at])["token"]
  if not lease(moveToActive(active_keys, { q, now, ARGV[at] }), -i, token) then break end
  at = at + 1
end

-- What was offered and not taken goes back: the whole queue is paused, or its limiter has no room.
local left = rcall("LRANGE", READY, 0, -1)
for _, id in ipairs(left) do
  if picked_jobs[id] then
    unpick(picked_jobs[id])
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
