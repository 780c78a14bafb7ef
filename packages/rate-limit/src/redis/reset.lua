--[[
  Deletes counts.

  KEYS[i]  of any type: the state of one rule and subject

  Largest input: 32 rules with blocks.
  Returns the number of keys that existed. O(keys); the memory is freed in the background.
]]
return redis.call("UNLINK", unpack(KEYS))
