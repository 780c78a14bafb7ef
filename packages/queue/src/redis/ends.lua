--[[
  Ends jobs outside of BullMQ's scripts: cancelled ones, and the index of dead ones. It is no operation: see
  fair.lua. Each function is O(log jobs). Cancelled and dead jobs last until their count or age is above what the store keeps.
  Largest input: that of the operation.
]]
local CANCELLED = q .. "fair:c"

local function leave_active(id)
  rcall("LREM", ACTIVE, -1, id)
  rcall("DEL", q .. id .. ":lock")
  rcall("SREM", q .. "stalled", id)
end

local function remove_job(id)
  local key = q .. id
  rcall("DEL", key, key .. ":logs", key .. ":dependencies", key .. ":processed", key .. ":failed", key .. ":unsuccessful")
end

-- A cancelled job may be enqueued again.
local function release_idempotency_key(id)
  local deduplication = rcall("HGET", q .. id, "deid")
  if not deduplication then return end
  local key = q .. "de:" .. deduplication
  if rcall("GET", key) == id then rcall("DEL", key) end
end

-- Up to ten jobs of a set that are in excess or too old.
local function excess_of(key, count, age)
  local excess = rcall("ZCARD", key) - tonumber(count)
  local ids = excess > 0 and rcall("ZRANGE", key, 0, math.min(excess, 10) - 1) or {}
  if #ids > 0 then return ids end
  return rcall("ZRANGEBYSCORE", key, "-inf", string.format("%.0f", now - tonumber(age)), "LIMIT", 0, 10)
end

local function keep_cancelled(id, is_purged, count, age)
  release_idempotency_key(id)
  rcall("XADD", EVENTS, "*", "event", "removed", "jobId", id, "prev", "cancelled")
  if is_purged or count == "0" then return remove_job(id) end
  rcall("HSET", q .. id, "finishedOn", now, "fx", "c")
  rcall("ZADD", CANCELLED, now, id)
  for _, old in ipairs(excess_of(CANCELLED, count, age)) do
    rcall("ZREM", CANCELLED, old)
    remove_job(old)
  end
end

local function drop_dead(id)
  local opts = read_opts(id)
  if opts then rcall("ZREM", q .. "fair:x:" .. opts.tn, id) end
  rcall("ZREM", q .. "failed", id)
  remove_job(id)
end

local function keep_dead(tid, id, count, age)
  if count == "0" then return drop_dead(id) end
  rcall("ZADD", q .. "fair:x:" .. tid, now, id)
  for _, old in ipairs(excess_of(q .. "failed", count, age)) do drop_dead(old) end
end

-- Slots of jobs that are not active any more: another program removed them.
local function release_lost_slots()
  if rcall("HLEN", OWNERS) == rcall("LLEN", ACTIVE) then return end
  local active = {}
  for _, id in ipairs(rcall("LRANGE", ACTIVE, 0, -1)) do active[id] = true end
  for _, id in ipairs(rcall("HKEYS", OWNERS)) do
    local owner = not active[id] and owner_of(id)
    if owner then settle_slot(id, owner, now - owner.start) end
  end
end

-- 0 cancelled, 1 cancelling, 2 finished before, 3 unknown.
local function cancel_job(id, is_purged, count, age)
  local fields = rcall("HMGET", q .. id, "timestamp", "finishedOn")
  if not fields[1] then return 3 end
  local owner = owner_of(id)
  if owner then
    owner.flag = is_purged and 2 or math.max(owner.flag, 1)
    take_slot(id, owner)
    return 1
  end
  if fields[2] then return 2 end
  local opts = read_opts(id)
  if rcall("ZREM", DELAYED, id) == 1 then
    undelay(opts.tn, id)
  elseif not unstage(opts.tn, id, opts.co) then
    -- Its handler has ended and lost the lease: no worker runs it, and recovery would bring it back.
    leave_active(id)
  end
  keep_cancelled(id, is_purged, count, age)
  return 0
end
