--[[
  Notes which state of several counts the ledger has. A ledger with a later version than this server has commits that the
  server lost, by a failover or an old snapshot: the missing units are added.

  KEYS[i]  hash  counts, see reserve.lua, all in one slot
  ARGV[i]  for each count: epoch, version and units in the ledger

  Largest input: 200 counts.
  Returns for each count: 1 it has more to flush | 2 it has another epoch by now | 0, units that were added.
  O(counts). Writes no count of another epoch, and creates none: they keep their expiry.
]]
local reply = {}
for i = 1, #KEYS do
  local epoch, written, units = ARGV[i * 3 - 2], tonumber(ARGV[i * 3 - 1]), tonumber(ARGV[i * 3])
  local state = redis.call("HMGET", KEYS[i], "epoch", "own", "version", "flushed")
  local own, version, flushed = tonumber(state[2]) or 0, tonumber(state[3]) or 0, tonumber(state[4]) or 0
  local more, added = 0, 0
  if state[1] == epoch then
    if version < written or (version == written and own ~= units) then
      added = math.max(0, units - own)
      version = written + 1
      redis.call("HINCRBY", KEYS[i], "own", string.format("%.0f", added))
      redis.call("HSET", KEYS[i], "version", string.format("%.0f", version))
    end
    if flushed < written then redis.call("HSET", KEYS[i], "flushed", string.format("%.0f", written)) end
    if version > written then more = 1 end
  elseif state[1] then
    more = 2
  end
  reply[i * 2 - 1], reply[i * 2] = more, added
end
return reply
