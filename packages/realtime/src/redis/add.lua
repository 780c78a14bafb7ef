--[[
  Adds units to the total of one tenant.

  KEYS[1]  string: the total, units
  ARGV[1]  units   to add
  ARGV[2]  ttl     ms after which an unused total expires

  Returns the new total. One key, O(1), cluster safe. The key expires `ttl` after the last call.
]]
local total = redis.call("INCRBY", KEYS[1], ARGV[1])
redis.call("PEXPIRE", KEYS[1], ARGV[2])
return total
