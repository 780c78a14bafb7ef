--[[
  Removes marks of counts whose units are all in the ledger, unless the counts were marked again.

  KEYS[1]  zset    dirty counts, see mark-dirty.lua
  ARGV[1]  before  ms since the epoch: counts with a later mark stay
  ARGV[i]  from the second: the counts

  Largest input: 1,000 counts.
  Returns the number of removed marks. O(counts log dirty counts). Creates no key.
]]
local cleared = 0
for i = 2, #ARGV do
  local at = tonumber(redis.call("ZSCORE", KEYS[1], ARGV[i]))
  if at and at <= tonumber(ARGV[1]) then cleared = cleared + redis.call("ZREM", KEYS[1], ARGV[i]) end
end
return cleared
