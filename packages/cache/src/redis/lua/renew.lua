--[[
  Extends a lease.

  KEYS[1]  the entry, as in read.lua
  ARGV[1]  token of the lease
  ARGV[2]  leaseMs from now on

  Largest input: one entry whose old value has 1 MB.

  Returns 1, or 0 if the lease is gone. O(1).
]]
-- The value that is being replaced may be long: only the head is read and written.
local start = redis.call("GETRANGE", KEYS[1], 0, 511)
local head, token, before = string.match(start, "^(L[^.]*%.%d+%.[^.]*%.([^.]*)%.)(%d+)|")
if token ~= ARGV[1] then return 0 end
local time, lease = redis.call("TIME"), tonumber(ARGV[2])
local ends = string.format("%.0f", time[1] * 1000 + math.floor(time[2] / 1000) + lease)
-- Both have 13 digits until the year 2286.
if #ends ~= #before then return 0 end
redis.call("SETRANGE", KEYS[1], #head, ends)
redis.call("PEXPIRE", KEYS[1], math.max(lease, redis.call("PTTL", KEYS[1])))
return 1
