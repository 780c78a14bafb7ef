--[[
  Reads periods of one tenant.

  KEYS[1..n]  hash: an hour, a day or a week, as add.lua writes it; absent without requests

  Largest input: 40 periods of 188 fields.
  Returns for each key its fields and values in turn, an empty list for an absent one.
  O(keys x fields), cluster safe: the keys share the hash tag of the tenant. Writes nothing.
]]
local periods = {}
for at = 1, #KEYS do periods[at] = redis.call("HGETALL", KEYS[at]) end
return periods
