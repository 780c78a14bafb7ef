--[[
  Counts that were announced some time ago, for the one process that may look after them now.

  KEYS[1]  zset    announced counts, see announce.lua
  KEYS[2]  string  there while a process looks after them; in the slot of the zset
  ARGV[1]  now     ms since the epoch, or "" for this server's clock (the default outside tests)
  ARGV[2]  idle    ms: later announced counts are their process's business
  ARGV[3]  lease   ms for which no other process is answered, "" for the process that has the lease
  ARGV[4]  most    how many counts are returned

  Returns {ms since the epoch, counts ...}, the earliest announced first, or {} when another process has the lease.
  O(log announced counts + returned). The string expires.
]]
if ARGV[3] ~= "" and not redis.call("SET", KEYS[2], "1", "NX", "PX", ARGV[3]) then return {} end
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call("TIME")
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local before = string.format("%.0f", now - tonumber(ARGV[2]))
return {now, unpack(redis.call("ZRANGEBYSCORE", KEYS[1], "-inf", before, "LIMIT", 0, ARGV[4]))}
