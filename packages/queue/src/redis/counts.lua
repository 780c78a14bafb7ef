--[[
  Counts the jobs of the queue by state. Prefix, clock, charge and ttl as in fair.lua.

  Largest input: one queue.
  Returns jobs in lines, delayed, active, dead. O(1). Writes nothing.
]]
return { tonumber(rcall("HGET", STATE, "n")) or 0, rcall("ZCARD", DELAYED), rcall("LLEN", ACTIVE), rcall("ZCARD", q .. "failed") }
