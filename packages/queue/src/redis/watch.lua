--[[
  Renews the leases of the jobs that a consumer runs, and tells what became of them. Prefix, clock, charge and ttl as in fair.lua.

  ARGV[4]     lock   ms after which the leases end that are not renewed, or 0 to renew none
  ARGV[5..n]  per job: id, token

  Largest input: 100 jobs.
  Returns per job: 0 runs | 1 is to be cancelled | 2 its lease ended, another worker may run it. O(jobs). Locks expire after `lock`.
]]
local reply, ids, tokens = {}, {}, {}
for i = 5, #ARGV, 2 do
  local owner = owner_of(ARGV[i])
  if not owner or owner.token ~= ARGV[i + 1] then
    reply[#reply + 1] = 2
  else
    reply[#reply + 1] = owner.flag > 0 and 1 or 0
    ids[#ids + 1] = ARGV[i]
    tokens[#tokens + 1] = ARGV[i + 1]
  end
end
if ARGV[4] ~= "0" and #ids > 0 then extendLocks({ q .. "stalled" }, { q, tokens, ids, ARGV[4] }, as_is) end
return reply
