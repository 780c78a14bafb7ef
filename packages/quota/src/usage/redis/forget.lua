--[[
  Takes back announcements of counts of which the ledger knows everything, unless they were announced anew.

  KEYS[1]  zset    announced counts, see announce.lua
  ARGV[1]  before  ms since the epoch: later announced counts stay
  ARGV[i]  from the second: the counts

  Returns how many were taken back. O(counts log announced counts). Writes nothing that does not exist.
]]
local taken = 0
for i = 2, #ARGV do
  local at = tonumber(redis.call("ZSCORE", KEYS[1], ARGV[i]))
  if at and at <= tonumber(ARGV[1]) then taken = taken + redis.call("ZREM", KEYS[1], ARGV[i]) end
end
return taken
