--[[
  Records the units that a reservation used, in place of its hold (see `recordedUnits` of ../rules.ts). A committed id gets
  its answer again. An id whose hold is gone, or that is unknown, is recorded all the same, as late.

  KEYS[1]  hash    the count, see reserve.lua
  KEYS[2]  zset    its holds
  KEYS[3]  string  state of the id
  ARGV[1]  now     ms since the epoch, or "" for this server's clock (the default outside tests)
  ARGV[2]  id
  ARGV[3]  units   used units
  ARGV[4]  over    "reject" | "cap" | "overflow": treatment of units above the reserved ones that have no room
  ARGV[5]  max     units
  ARGV[6]  at 1    units of the first threshold, 2^52 + 1 for never
  ARGV[7]  at 2    units of the second
  ARGV[8]  kept    ms from now for which hash and zset are kept
  ARGV[9]  keep    ms for which the state of the id is kept
  ARGV[10] ledger  "1": a count without an epoch is reported and nothing happens; "0": it starts from 0

  Returns {-1} for no epoch, or {1 committed | 2 was committed before | 0 rejected, units recorded, used, held,
  1 late | 0, bits of newly reached thresholds}.
  O(expired holds). Every key that is written expires.
]]
local text = function(n) return string.format("%.0f", n) end
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call("TIME")
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local at = {tonumber(ARGV[6]), tonumber(ARGV[7])}
local id, units, over, max = ARGV[2], tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
local state = redis.call("HMGET", KEYS[1], "base", "own", "held", "reached", "epoch")
if ARGV[10] == "1" and not state[5] then return {-1} end
local used = (tonumber(state[1]) or 0) + (tonumber(state[2]) or 0)
local held, reached = tonumber(state[3]), tonumber(state[4]) or 0

local function sum(members)
  local units = 0
  for i = 1, #members do units = units + tonumber(string.match(members[i], "^%d+")) end
  return units
end

-- Drops expired holds. A hash or a zset may have been evicted without the other.
local gone = redis.call("ZRANGEBYSCORE", KEYS[2], "-inf", text(now))
if #gone > 0 then redis.call("ZREMRANGEBYSCORE", KEYS[2], "-inf", text(now)) end
if not held then
  held = sum(redis.call("ZRANGE", KEYS[2], 0, -1))
elseif held > 0 then
  held = redis.call("EXISTS", KEYS[2]) == 1 and held - sum(gone) or 0
  redis.call("HSET", KEYS[1], "held", text(held))
end

local known = redis.call("GET", KEYS[3])
local recorded, late = string.match(known or "", "^c:(%d+):(%d)")
if recorded then return {2, tonumber(recorded), used, held, tonumber(late), 0} end

local reserved = tonumber(string.match(known or "", "^[hr]:(%d+)")) or units
local member = text(reserved) .. ":" .. id
local isHeld = redis.call("ZSCORE", KEYS[2], member) and true or false
late = isHeld and 0 or 1
local promised = math.min(units, reserved)
local others = isHeld and held - reserved or held
local room, excess = math.max(0, max - used - others - promised), units - promised
if excess > room and over == "reject" then
  return {0, 0, used, held, late, 0}
end
recorded = promised + (over == "overflow" and excess or math.min(excess, room))
recorded = math.max(0, math.min(recorded, 4503599627370496 - used))

local new = 0
used = used + recorded
if recorded > 0 then
  redis.call("HINCRBY", KEYS[1], "own", text(recorded))
  redis.call("HINCRBY", KEYS[1], "version", 1)
  for t = 1, 2 do
    if used >= at[t] and math.floor(reached / t) % 2 == 0 then new = new + t end
  end
end
if isHeld then redis.call("ZREM", KEYS[2], member) end
redis.call("HSET", KEYS[1], "held", text(others), "reached", text(reached + new))
redis.call("PEXPIRE", KEYS[1], ARGV[8])
redis.call("SET", KEYS[3], "c:" .. text(recorded) .. ":" .. late, "PX", ARGV[9])
return {1, recorded, used, others, late, new}
