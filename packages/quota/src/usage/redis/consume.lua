--[[
  Uses units of several counts of one tenant at once: of all counts or of none. reserve.lua without an id, for uses whose
  number is large. A call that was sent again is admitted again, and one that was cancelled does nothing.

  KEYS[i]  two for each count, see reserve.lua: hash, zset
  KEYS[n]  string of this call: "1" carried out, "x" cancelled
  ARGV[1]  now     ms since the epoch, or "" for this server's clock (the default outside tests)
  ARGV[2]  keep    ms for which the string is kept
  ARGV[3]  ledger  "1": a count without an epoch is reported and nothing happens; "0": it starts from 0
  ARGV[i]  from the fourth, for each count: units, max, ms from now for which the hash is kept, thresholds, see reserve.lua

  Returns as reserve.lua, without periods.
  O(counts + expired holds). Writes admitted units, and drops expired holds. Every key that is written expires.
]]
local text = function(n) return string.format("%.0f", n) end
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call("TIME")
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local at, n = text(now), (#KEYS - 1) / 2
local counts, missing = {}, {-1}
for i = 1, n do
  local state = redis.call("HMGET", KEYS[i * 2 - 1], "base", "own", "held", "reached", "epoch", "version")
  if ARGV[3] == "1" and not state[5] then missing[#missing + 1] = i end
  counts[i] = state
end
if #missing > 1 then return missing end

local again = not redis.call("SET", KEYS[#KEYS], "1", "PX", ARGV[2], "NX")
if again and redis.call("GET", KEYS[#KEYS]) == "x" then return {-2} end

local function sum(members)
  local units = 0
  for i = 1, #members do units = units + tonumber(string.match(members[i], "^%d+")) end
  return units
end

-- Units of the holds that have not expired. A hash or a zset may have been evicted without the other.
local function heldOf(count, holds)
  local gone = redis.call("ZRANGEBYSCORE", holds, "-inf", at)
  local before = tonumber(count[3])
  if #gone > 0 then redis.call("ZREMRANGEBYSCORE", holds, "-inf", at) end
  if not before then return sum(redis.call("ZRANGE", holds, 0, -1)) end
  return before > 0 and redis.call("EXISTS", holds) == 1 and before - sum(gone) or 0
end

local reply = {1}
for i = 1, n do
  local count = counts[i]
  local own, held = tonumber(count[2]) or 0, heldOf(count, KEYS[i * 2])
  local used, units = (tonumber(count[1]) or 0) + own, tonumber(ARGV[i * 4])
  local status = again and 2 or used + held + units <= tonumber(ARGV[i * 4 + 1]) and 1 or 0
  if status == 0 then reply[1] = 0 end
  count[2] = own
  reply[i * 4 - 2], reply[i * 4 - 1], reply[i * 4], reply[i * 4 + 1] = status, used, held, tonumber(count[4]) or 0
end

for i = 1, n do
  local state, held = KEYS[i * 2 - 1], reply[i * 4]
  if reply[1] == 1 and not again then
    local units, used, reached = tonumber(ARGV[i * 4]), reply[i * 4 - 1], reply[i * 4 + 1]
    used = used + units
    -- The lowest threshold comes first: most uses reach none.
    local thresholds = ARGV[i * 4 + 3]
    if used >= (tonumber(string.match(thresholds, "^%d+")) or math.huge) then
      for from, part in string.gmatch(thresholds, "(%d+) (%d+)") do
        if used >= tonumber(from) then reached = math.max(reached, tonumber(part)) end
      end
    end
    redis.call("HSET", state, "own", text(counts[i][2] + units), "version", text((tonumber(counts[i][6]) or 0) + 1),
      "held", text(held), "reached", text(reached))
    redis.call("PEXPIRE", state, ARGV[i * 4 + 2])
    reply[i * 4 - 1] = used
  elseif counts[i][3] and tonumber(counts[i][3]) ~= held then
    redis.call("HSET", state, "held", text(held))
  end
end
if reply[1] == 0 then redis.call("DEL", KEYS[#KEYS]) end
return reply
