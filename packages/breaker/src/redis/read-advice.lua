--[[
  Counts the processes whose breaker is open.

  KEYS[1]  zset: processes whose breaker is open, as in report-open.lua
  ARGV[1]  now    ms since the epoch, or "" to use this server's clock (the default outside tests)
  ARGV[2]  grace  ms between the end of an open time and the expiry of its verdict

  Largest input: 1,000 processes.
  Returns {processes, ms until the first of them may probe}. O(log processes). Writes nothing.
]]
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call("TIME")
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local from = "(" .. string.format("%.0f", now)
local first = redis.call("ZRANGEBYSCORE", KEYS[1], from, "+inf", "WITHSCORES", "LIMIT", 0, 1)
if not first[2] then return { 0, 0 } end
local wait = math.max(0, tonumber(first[2]) - tonumber(ARGV[2]) - now)
return { redis.call("ZCOUNT", KEYS[1], from, "+inf"), wait }
