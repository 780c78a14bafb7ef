--[[
  Notes that counts may have units that the ledger does not know yet, before they have any: whoever is alive looks after
  them when the process that commits is not.

  KEYS[1]  zset  the counts, by ms since the epoch when they were last announced
  ARGV[1]  now   ms since the epoch, or "" for this server's clock (the default outside tests)
  ARGV[2]  ttl   ms for which the zset is kept
  ARGV[i]  from the third: the counts

  Returns 1. O(counts log announced counts). The zset expires when nothing is announced for ttl.
]]
local now = ARGV[1]
if now == "" then
  local time = redis.call("TIME")
  now = string.format("%.0f", time[1] * 1000 + math.floor(time[2] / 1000))
end
for i = 3, #ARGV do redis.call("ZADD", KEYS[1], now, ARGV[i]) end
redis.call("PEXPIRE", KEYS[1], ARGV[2])
return 1
