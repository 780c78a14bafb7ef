--[[
  Publishes the connections of topics in one process.

  KEYS[i]  hash for each topic: process -> "<count> <ms since epoch when it is forgotten>"
  ARGV[1]  process  identity of the process
  ARGV[2]  ttl      ms for which the counts hold
  ARGV[3]  now      ms since epoch, or "" for the clock of the server
  ARGV[4..n]  count of each topic

  Largest input: 200 topics.
  Returns nothing. Keys share a hash tag. O(topics). Each key expires after the longest `ttl`.
]]
local call = redis.call
local now, ttl = tonumber(ARGV[3]), tonumber(ARGV[2])
if not now then
  local time = call("TIME")
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
for i = 1, #KEYS do
  local count = ARGV[i + 3]
  if count == "0" then
    call("HDEL", KEYS[i], ARGV[1])
  else
    call("HSET", KEYS[i], ARGV[1], count .. " " .. string.format("%.0f", now + ttl))
    -- A process with a shorter time must not shorten that of another.
    call("PEXPIRE", KEYS[i], ttl, "NX")
    call("PEXPIRE", KEYS[i], ttl, "GT")
  end
end
