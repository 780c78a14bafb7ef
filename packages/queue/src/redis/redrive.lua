--[[
  Moves dead jobs to the end of the lines of their tenants, as if they had never run, and without a deadline. Prefix, clock, charge and ttl as in fair.lua.

  ARGV[4..n]  ids

  Largest input: 100 jobs.
  Returns the number of jobs that were dead. O(jobs log jobs).
]]
local moved = 0
for i = 4, #ARGV do
  local id = ARGV[i]
  local result = reprocessJob({ q .. id, EVENTS, q .. "failed", WAIT, q .. "meta", ACTIVE, q .. "marker",
    q .. "prioritized", q .. "pc" },
    { id, "LPUSH", "failedReason", "failed", "1", "1" }, as_is)
  if result == 1 then
    moved = moved + 1
    local opts = read_opts(id)
    rcall("ZREM", q .. "fair:x:" .. opts.tn, id)
    rcall("HDEL", q .. id, "fa", "fl", "dr", "stc")
    rcall("HSET", q .. id, "du", now, "nd", "1")
    sort_arrivals()
  end
end
save()
return moved
