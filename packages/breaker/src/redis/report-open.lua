--[[
  Reports that the calls of one process opened its breaker, or that its probe failed. A failed probe gives its lease back,
  and makes the other processes wait before the next one.

  KEYS[1]  hash: state of the breaker: holder, lease and until (ms since the epoch), recovered
  KEYS[2]  zset: processes whose breaker is open, by the ms since the epoch at which their verdict expires
  ARGV[1]  now       ms since the epoch, or "" to use this server's clock (the default outside tests)
  ARGV[2]  instance  id of the process
  ARGV[3]  open      ms for which it stays open
  ARGV[4]  grace     ms after which its verdict expires, from the end of its open time
  ARGV[5]  max wait  ms that the other processes wait at most after a failed probe

  Largest input: 1,000 processes.
  Returns 1. O(log processes). Both keys expire with the last verdict.
]]
local call = redis.call
local now = tonumber(ARGV[1])
if not now then
  local time = call("TIME")
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local open, grace = tonumber(ARGV[3]), tonumber(ARGV[4])
local ttl = math.ceil(open + grace)
if call("HGET", KEYS[1], "holder") == ARGV[2] then
  call("HDEL", KEYS[1], "holder", "lease")
  call("HSET", KEYS[1], "until", string.format("%.0f", now + math.min(open, tonumber(ARGV[5]))))
end
call("HDEL", KEYS[1], "recovered")
call("ZREMRANGEBYSCORE", KEYS[2], "-inf", string.format("%.0f", now))
call("ZADD", KEYS[2], string.format("%.0f", now + ttl), ARGV[2])
if call("PTTL", KEYS[1]) < ttl then call("PEXPIRE", KEYS[1], ttl) end
if call("PTTL", KEYS[2]) < ttl then call("PEXPIRE", KEYS[2], ttl) end
return 1
