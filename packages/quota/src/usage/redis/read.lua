--[[
  Reads several counts of one tenant.

  KEYS[i]  two for each count, all in one slot: hash and zset, see reserve.lua
  ARGV[1]  now  ms since the epoch, or "" for this server's clock (the default outside tests)

  Returns {ms since the epoch, then for each count: 1 it has an epoch | 0, used, held}.
  Largest input: 16 counts with 2,048 expired holds in all. More than that count as held.
  O(counts + expired holds). Writes nothing.
]]
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call("TIME")
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local at = string.format("%.0f", now)

local function sum(members)
  local units = 0
  for i = 1, #members do units = units + tonumber(string.match(members[i], "^%d+")) end
  return units
end

-- Bounds how long one call blocks the server, however many holds have expired at once.
local budget = 2048

local reply = {now}
for i = 1, #KEYS / 2 do
  local state, holds = redis.call("HMGET", KEYS[i * 2 - 1], "base", "own", "held", "epoch"), KEYS[i * 2]
  local held = tonumber(state[3])
  if not held then
    held = sum(redis.call("ZRANGEBYSCORE", holds, "(" .. at, "+inf"))
  elseif held > 0 then
    local expired = redis.call("ZRANGEBYSCORE", holds, "-inf", at, "LIMIT", 0, budget)
    budget = budget - #expired
    held = redis.call("EXISTS", holds) == 1 and held - sum(expired) or 0
  end
  reply[i * 3 - 1] = state[4] and 1 or 0
  reply[i * 3] = (tonumber(state[1]) or 0) + (tonumber(state[2]) or 0)
  reply[i * 3 + 1] = held
end
return reply
