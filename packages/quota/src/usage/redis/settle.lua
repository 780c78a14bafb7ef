--[[
  Notes what the ledger has of several counts. A ledger that is ahead of this server has seen commits that the server
  lost, by a failover or an old snapshot: what is missing is added.

  KEYS[i]  hash  counts, see reserve.lua, all in one slot
  ARGV[i]  for each count: epoch, version and units that the ledger has of it

  Returns for each count: 1 there is more to write | 2 it has another epoch by now | 0, units that were added.
  O(counts). Writes no count of another epoch, and none that is not there: they keep their expiry.
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
