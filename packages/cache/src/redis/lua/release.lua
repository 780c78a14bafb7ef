--[[
  Releases a lease. The value that was being replaced stays, with its remaining TTL.

  KEYS[1]  the entry, as in read.lua
  ARGV[1]  token of the lease

  Largest input: one entry whose old value has 1 MB.

  Returns 1, or 0 if the lease is gone. O(1).
]]
local value = redis.call("GET", KEYS[1])
local token, rest = string.match(value or "", "^L[^.]*%.%d+%.[^.]*%.([^.]*)%.%d+|(.*)$")
if token ~= ARGV[1] then return 0 end
if rest == "" then
  redis.call("DEL", KEYS[1])
else
  redis.call("SET", KEYS[1], rest, "KEEPTTL")
end
return 1
