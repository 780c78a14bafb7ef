--[[
  Adds a difference to the base of a count, unless its epoch or base changed since the difference was computed. Concurrent
  commits are not lost: they are not part of the base.

  KEYS[1]  hash   the count, see reserve.lua
  ARGV[1]  epoch  epoch that the difference was computed for
  ARGV[2]  base   units that it was computed from
  ARGV[3]  delta  units, signed

  Largest input: one count.
  Returns 1 corrected | 0 another epoch or base.
  O(1). Creates no count: it keeps its expiry.
]]
local state = redis.call("HMGET", KEYS[1], "epoch", "base")
if state[1] ~= ARGV[1] or state[2] ~= ARGV[2] then return 0 end
redis.call("HINCRBY", KEYS[1], "base", ARGV[3])
return 1
