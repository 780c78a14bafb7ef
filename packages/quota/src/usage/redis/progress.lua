--[[
  Largest input: 200 counts.
  Returns the state of several counts that the ledger needs.

  KEYS[i]  hash  counts, see reserve.lua, all in one slot

  Returns strings, for each count: epoch, base, own, version, flushed; "" for a missing field.
  O(counts). Writes nothing.
]]
local reply = {}
for i = 1, #KEYS do
  local state = redis.call("HMGET", KEYS[i], "epoch", "base", "own", "version", "flushed")
  for j = 1, 5 do reply[i * 5 - 5 + j] = state[j] or "" end
end
return reply
