--[[
  Frees a slot of concurrency rules, if it is still held.

  KEYS[i]  zset: slots by the us since the epoch at which they expire; the rules of one subject
  ARGV[1]  slot  its id

  Largest input: 32 rules.
  Returns the number of rules in which it was held. O(log slots) per key. Writes nothing that needs to expire.
]]
local freed = 0
for i = 1, #KEYS do
  freed = freed + redis.call("ZREM", KEYS[i], ARGV[1])
end
return freed
