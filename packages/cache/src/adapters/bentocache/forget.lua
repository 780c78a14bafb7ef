--[[
  Ends all entries of a namespace, and of the namespaces in it: the next that is written gets another generation.

  KEYS[1]  generation of the namespace

  Returns 1. O(1). What was ended takes its room until its own time is over.
]]
redis.call("UNLINK", KEYS[1])
return 1
