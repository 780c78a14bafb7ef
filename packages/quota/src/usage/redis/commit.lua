--[[
  Records the units that a reservation used, in place of its hold (see `recordedUnits` of ../rules.ts). A committed id gets
  its answer again. An id whose hold is gone, or that is unknown, is recorded all the same, as late.

  KEYS[1]  hash    the count, see reserve.lua
  KEYS[2]  zset    its holds
  KEYS[3]  string  record of the id, see reserve.lua
  ARGV[1]  now     ms since the epoch, or "" for this server's clock (the default outside tests)
  ARGV[2]  id
  ARGV[3]  units   used units
  ARGV[4]  over    "reject" | "cap" | "overflow": treatment of units above the reserved ones that have no room
  ARGV[5]  max     units
  ARGV[6]  kept    ms from now for which hash and zset are kept
  ARGV[7]  keep    ms for which the state of the id is kept
  ARGV[8]  ledger  "1": a count without an epoch is reported and nothing happens; "0": it starts from 0
  ARGV[9]  metric
  ARGV[10] period
  ARGV[11] thresholds, see reserve.lua

  Returns {-1} for no epoch, or {1 committed | 2 was committed before | 0 rejected, units recorded, used, held,
  1 late | 0, part published before}.
  Largest input: one count, of whose expired holds 2,048 are dropped. The others count until the next call.
  O(expired holds). Every key that is written expires.
]]
local text = function(n) return string.format("%.0f", n) end
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call("TIME")
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local id, units, over, max, keep, period = ARGV[2], tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5]), ARGV[7], ARGV[10]
local state = redis.call("HMGET", KEYS[1], "base", "own", "held", "reached", "epoch", "version")
if ARGV[8] == "1" and not state[5] then return {-1} end
local own, version = tonumber(state[2]) or 0, tonumber(state[6]) or 0
local used = (tonumber(state[1]) or 0) + own
local held, reached = tonumber(state[3]), tonumber(state[4]) or 0

local function sum(members)
  local units = 0
  for i = 1, #members do units = units + tonumber(string.match(members[i], "^%d+")) end
  return units
end

-- Drops expired holds. A hash or a zset may have been evicted without the other.
local gone = redis.call("ZRANGEBYSCORE", KEYS[2], "-inf", text(now), "LIMIT", 0, 2048)
if #gone > 0 then redis.call("ZREM", KEYS[2], unpack(gone)) end
if not held then
  held = sum(redis.call("ZRANGE", KEYS[2], 0, -1))
elseif held > 0 then
  held = redis.call("EXISTS", KEYS[2]) == 1 and held - sum(gone) or 0
  redis.call("HSET", KEYS[1], "held", text(held))
end

local record, name = redis.call("GET", KEYS[3]) or "\n\n", "\n" .. ARGV[9] .. ":"
local from, to = string.find(record, name, 1, true)
local is, reserved, recorded, late = string.match(record, "^(%a):(%d+):(%d+):(%d)", (to or #record) + 1)
if is == "c" or is == "u" then return {2, tonumber(recorded), used, held, tonumber(late), reached} end

reserved = tonumber(reserved) or units
local member = text(reserved) .. ":" .. id
local isHeld = is == "h" and redis.call("ZSCORE", KEYS[2], member) and true or false
late = isHeld and 0 or 1
local promised = math.min(units, reserved)
local others = isHeld and held - reserved or held
local room, excess = math.max(0, max - used - others - promised), units - promised
if excess > room and over == "reject" then
  return {0, 0, used, held, late, reached}
end
recorded = promised + (over == "overflow" and excess or math.min(excess, room))
recorded = math.max(0, math.min(recorded, 4503599627370496 - used))

local published = reached
used = used + recorded
if recorded > 0 then
  for from, part in string.gmatch(ARGV[11], "(%d+) (%d+)") do
    if used >= tonumber(from) then reached = math.max(reached, tonumber(part)) end
  end
  redis.call("HSET", KEYS[1], "own", text(own + recorded), "version", text(version + 1), "held", text(others),
    "reached", text(reached))
else
  redis.call("HSET", KEYS[1], "held", text(others))
end
if isHeld then redis.call("ZREM", KEYS[2], member) end
redis.call("PEXPIRE", KEYS[1], ARGV[6])
-- In place of the line of the metric.
if from then record = string.sub(record, 1, from - 1) .. (string.match(record, "\n.*", to) or "") end
record = record .. name .. "c:" .. text(reserved) .. ":" .. text(recorded) .. ":" .. late .. ":" .. period
-- Another metric of the id may be held for longer.
if redis.call("PTTL", KEYS[3]) < tonumber(keep) then
  redis.call("SET", KEYS[3], record, "PX", keep)
else
  redis.call("SET", KEYS[3], record, "KEEPTTL")
end
return {1, recorded, used, others, late, published}
