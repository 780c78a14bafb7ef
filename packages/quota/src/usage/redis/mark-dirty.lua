--[[
  Marks counts that may get units the ledger lacks, before they get them. When the process that commits them dies, another
  process finds them here and flushes them.

  KEYS[1]  zset  dirty counts, by ms since the epoch of their last mark
  ARGV[1]  now   ms since the epoch, or "" for this server's clock (the default outside tests)
  ARGV[2]  ttl   ms for which the zset is kept
  ARGV[i]  from the third: the counts

  Largest input: 200 counts.
  Returns 1. O(counts log dirty counts). The zset expires when nothing is marked for ttl.
]]
local now = ARGV[1]
if now == "" then
  local time = redis.call("TIME")
  now = string.format("%.0f", time[1] * 1000 + math.floor(time[2] / 1000))
end
for i = 3, #ARGV do redis.call("ZADD", KEYS[1], now, ARGV[i]) end
redis.call("PEXPIRE", KEYS[1], ARGV[2])
return 1
