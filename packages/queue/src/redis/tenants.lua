--[[
  Reads the names of tenants in their order. Prefix, clock, charge and ttl as in fair.lua.

  ARGV[4]  after    the last name of the page before, or ""
  ARGV[5]  limit
  ARGV[6]  waiting  1 for tenants with a job in their line only | 0

  Largest input: 1,000 tenants.
  Returns the name to go on after, or "", and the names. O(limit log tenants). Forgets tenants without a record and without dead jobs.
]]
local from = ARGV[4] == "" and "-" or "(" .. ARGV[4]
local names = rcall("ZRANGEBYLEX", q .. "fair:tenants", from, "+", "LIMIT", 0, ARGV[5])
local reply = { #names == tonumber(ARGV[5]) and names[#names] or "" }
for _, tid in ipairs(names) do
  local t = tenant_of(tid)
  if t.is_new and rcall("EXISTS", q .. "fair:x:" .. tid) == 0 then
    rcall("ZREM", q .. "fair:tenants", tid)
  elseif ARGV[6] == "0" or t.n > 0 then
    reply[#reply + 1] = tid
  end
end
return reply
