--[[
  Largest input: 1,000 counts to return.
  Returns counts that were marked dirty some time ago, to the one process that may recover them now.

  KEYS[1]  zset    dirty counts, see mark-dirty.lua
  KEYS[2]  string  lease: exists while a process recovers counts; in the slot of the zset
  ARGV[1]  now     ms since the epoch, or "" for this server's clock (the default outside tests)
  ARGV[2]  idle    ms: counts marked less than this long ago are left to their own process
  ARGV[3]  lease   ms for which other processes get no counts, "" for the process that has the lease
  ARGV[4]  most    maximum number of counts to return

  Returns {ms since the epoch, counts ...}, the earliest mark first, or {} when another process has the lease.
  O(log dirty counts + returned). The string expires.
]]
if ARGV[3] ~= "" and not redis.call("SET", KEYS[2], "1", "NX", "PX", ARGV[3]) then return {} end
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call("TIME")
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local before = string.format("%.0f", now - tonumber(ARGV[2]))
return {now, unpack(redis.call("ZRANGEBYSCORE", KEYS[1], "-inf", before, "LIMIT", 0, ARGV[4]))}
