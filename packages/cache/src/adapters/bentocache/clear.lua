--[[
  Clears a namespace and the namespaces in it. The next write gets another generation, so older entries are no longer valid.

  KEYS[1]  generation of the namespace

  Largest input: one key.

  Returns 1. O(1). The old entries take up memory until their own TTL is over.
]]
redis.call("UNLINK", KEYS[1])
return 1
