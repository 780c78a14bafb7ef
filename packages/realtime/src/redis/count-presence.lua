--[[
  Counts the connections of a topic over all processes.

  KEYS[1]  hash: process -> "<count> <ms since epoch when it is forgotten>"
  ARGV[1]  now  ms since epoch, or "" for the clock of the server

  Largest input: 1,000 processes.
  Returns the count. One key, O(processes). Removes the counts of processes that have not published for too long.
]]
local call = redis.call
local now = tonumber(ARGV[1])
if not now then
  local time = call("TIME")
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local sum, fields = 0, call("HGETALL", KEYS[1])
for i = 1, #fields, 2 do
  local count, untilMs = string.match(fields[i + 1], "^(%d+) (%d+)$")
  if count and tonumber(untilMs) > now then
    sum = sum + tonumber(count)
  else
    call("HDEL", KEYS[1], fields[i])
  end
end
return sum
