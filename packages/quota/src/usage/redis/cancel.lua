--[[
  Takes back what one call of reserve.lua took, whose caller has given up, or will take: a call that is carried out after
  its cancel does nothing. Units of an id that another call was told of stay, as do committed ones.

  KEYS[i]  two for each count, see reserve.lua: hash, zset
  KEYS[n]  the last key of that call: string, see reserve.lua
  ARGV[1]  id      "" for a use without one
  ARGV[2]  call    name of the call to cancel
  ARGV[3]  keep    ms for which the cancel is kept
  ARGV[i]  from the fourth, for each count: metric, units, period

  Largest input: 16 counts.
  Returns {1 units were taken back | 0}.
  O(counts log holds). Creates no count; the last key gets an expiry.
]]
local text = function(n) return string.format("%.0f", n) end
local id, call, keep, record = ARGV[1], ARGV[2], ARGV[3], KEYS[#KEYS]

local function subtract(state, units)
  if units == "0" or redis.call("HEXISTS", state, "own") == 0 then return end
  redis.call("HINCRBY", state, "own", "-" .. units)
  redis.call("HINCRBY", state, "version", 1)
end

if id == "" then
  local before = redis.call("GET", record)
  redis.call("SET", record, "x", "PX", keep)
  if before ~= "1" then return {0} end
  for i = 1, (#KEYS - 1) / 2 do subtract(KEYS[i * 2 - 1], ARGV[i * 3 + 2]) end
  return {1}
end

local params, calls, gone, lines =
  string.match(redis.call("GET", record) or "\n\n", "^([^\n]*)\n([^\n]*)\n([^\n]*)(.*)$")
if not string.find(gone, call .. " ", 1, true) then
  -- The last cancels are enough: earlier calls were carried out, or never will be.
  gone = string.sub(gone .. call .. " ", -200)
end
local taken, from, to = 0, string.find(calls, call .. " ", 1, true)
if from then calls = string.sub(calls, 1, from - 1) .. string.sub(calls, to + 1) end
for i = 1, from and calls == "" and (#KEYS - 1) / 2 or 0 do
  local state, holds = KEYS[i * 2 - 1], KEYS[i * 2]
  local first, last = string.find(lines, "\n" .. ARGV[i * 3 + 1] .. ":", 1, true)
  local is, units, period = string.match(lines, "^(%a):(%d+):%d+:%d:([^\n]*)", (last or #lines) + 1)
  if period == ARGV[i * 3 + 3] and (is == "h" or is == "u") then
    if is == "u" then
      subtract(state, units)
    elseif redis.call("ZREM", holds, units .. ":" .. id) == 1 then
      local held = tonumber(redis.call("HGET", state, "held"))
      if held then redis.call("HSET", state, "held", text(math.max(0, held - units))) end
    end
    lines = string.sub(lines, 1, first - 1) .. (string.match(lines, "\n.*", last) or "")
    taken = 1
  end
end
local value = params .. "\n" .. calls .. "\n" .. gone .. lines
if redis.call("PTTL", record) < tonumber(keep) then
  redis.call("SET", record, value, "PX", keep)
else
  redis.call("SET", record, value, "KEEPTTL")
end
return {taken}
