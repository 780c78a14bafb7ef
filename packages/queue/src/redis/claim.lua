--[[
  Takes or renews a named lease.

  KEYS[1]  string: the owner; expires when the lease ends
  ARGV[1]  owner
  ARGV[2]  ttl    ms

  Largest input: one lease.
  Returns 1 for the owner | 0 for another. O(1).
]]
local owner = redis.call("GET", KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
redis.call("SET", KEYS[1], ARGV[1], "PX", ARGV[2])
return 1
