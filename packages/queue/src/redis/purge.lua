--[[
  Removes finished jobs of one tenant. Prefix, clock, charge and ttl as in fair.lua.

  ARGV[4]     tenant
  ARGV[5..n]  ids

  Largest input: 100 jobs.
  Returns the number of jobs. O(jobs log jobs).
]]
local removed = 0
for i = 5, #ARGV do
  local id = ARGV[i]
  local opts = read_opts(id)
  if opts and opts.tn == ARGV[4] and rcall("HEXISTS", q .. id, "finishedOn") == 1 then
    release_idempotency_key(id)
    rcall("ZREM", q .. "completed", id)
    rcall("ZREM", CANCELLED, id)
    drop_dead(id)
    removed = removed + 1
  end
end
return removed
