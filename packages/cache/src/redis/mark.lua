--[[
  Changes a key of which nothing is left: all that track the prefix of the store are told of it, after all that was changed
  before.

  KEYS[1]  names who proves that it hears of changes, and when

  Returns 1. O(1). What is written is deleted at once; it would expire after a second.
]]
redis.call("SET", KEYS[1], "", "PX", 1000)
redis.call("DEL", KEYS[1])
return 1
