--[[
  Extends a lease.

  KEYS[1]  the entry, as in read.lua
  ARGV[1]  token of the lease
  ARGV[2]  leaseMs from now on

  Largest input: one entry whose old value has 1 MB.

  Returns 1, or 0 if the lease is gone. O(1).
]]
local value = redis.call("GET", KEYS[1])
local head, token, rest = string.match(value or "", "^(L[^.]*%.%d+%.[^.]*%.([^.]*)%.)%d+(|.*)$")
if token ~= ARGV[1] then return 0 end
local time, lease = redis.call("TIME"), tonumber(ARGV[2])
local ends = time[1] * 1000 + math.floor(time[2] / 1000) + lease
redis.call("SET", KEYS[1], head .. ends .. rest, "PX", math.max(lease, redis.call("PTTL", KEYS[1])))
return 1
