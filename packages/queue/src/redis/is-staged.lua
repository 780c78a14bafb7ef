--[[
  Tells whether a job is in the line of its tenant. Prefix, clock, charge and ttl as in fair.lua.

  ARGV[4]  id

  Largest input: one job.
  Returns 1 | 0. O(1). Writes nothing.
]]
local opts = read_opts(ARGV[4])
if opts and rcall("ZSCORE", q .. "fair:l:" .. opts.tn, member_of(ARGV[4], opts.co)) then return 1 end
return 0
