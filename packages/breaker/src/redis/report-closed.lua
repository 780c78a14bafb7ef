--[[
  Reports that a process found the dependency healthy. The other processes may probe at once, each for itself.

  KEYS[1]  hash: state of the breaker, as in report-open.lua
  KEYS[2]  zset: processes whose breaker is open, as in report-open.lua
  ARGV[1]  instance  id of the process
  ARGV[2]  keep      ms for which the recovery is remembered

  Largest input: 1,000 processes.
  Returns 1. O(log processes). The hash expires after `keep`.
]]
redis.call("ZREM", KEYS[2], ARGV[1])
redis.call("DEL", KEYS[1])
redis.call("HSET", KEYS[1], "recovered", "1")
redis.call("PEXPIRE", KEYS[1], ARGV[2])
return 1
