--[[
  What the ledger should know of several counts.

  KEYS[i]  hash  counts, see reserve.lua, all in one slot

  Returns texts, for each count: epoch, base, own, version, flushed; "" for what it does not have.
  O(counts). Writes nothing.
]]
local reply = {}
for i = 1, #KEYS do
  local state = redis.call("HMGET", KEYS[i], "epoch", "base", "own", "version", "flushed")
  for j = 1, 5 do reply[i * 5 - 5 + j] = state[j] or "" end
end
return reply
