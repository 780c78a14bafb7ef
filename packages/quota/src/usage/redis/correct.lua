--[[
  Adds a difference to the base of a count, unless the count is not the one any more that it was computed for. What is
  committed meanwhile is not lost: it is not part of the base.

  KEYS[1]  hash   the count, see reserve.lua
  ARGV[1]  epoch  that the difference was computed for
  ARGV[2]  base   units it was computed from
  ARGV[3]  delta  units, signed

  Returns 1 corrected | 0 another epoch or base.
  O(1). Writes no count that is not there: it keeps its expiry.
]]
local state = redis.call("HMGET", KEYS[1], "epoch", "base")
if state[1] ~= ARGV[1] or state[2] ~= ARGV[2] then return 0 end
redis.call("HINCRBY", KEYS[1], "base", ARGV[3])
return 1
