--[[
  Subtracts units from a count, once for an id. Only for counts without a ledger: with one, a credit is a row there.

  KEYS[1]  hash   the count, see reserve.lua
  ARGV[1]  id
  ARGV[2]  units
  ARGV[3]  kept   ms from now for which the hash is kept

  Largest input: one count.
  Returns {units that the id was credited with before, -1 for none, used}.
  O(1). The hash expires.
]]
local field = "credit:" .. ARGV[1]
local before = redis.call("HGET", KEYS[1], field)
if not before then
  redis.call("HSET", KEYS[1], field, ARGV[2])
  if ARGV[2] ~= "0" then redis.call("HINCRBY", KEYS[1], "base", "-" .. ARGV[2]) end
  redis.call("PEXPIRE", KEYS[1], ARGV[3])
end
local state = redis.call("HMGET", KEYS[1], "base", "own")
return {tonumber(before) or -1, (tonumber(state[1]) or 0) + (tonumber(state[2]) or 0)}
