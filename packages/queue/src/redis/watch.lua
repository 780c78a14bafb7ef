--[[
  Tells a consumer what became of the jobs that it runs. Prefix, clock, charge and ttl as in fair.lua.

  ARGV[4..n]  per job: id, token

  Returns per job: 0 runs | 1 is to be cancelled | 2 its lease ended, another worker may run it. O(jobs). Writes nothing.
]]
local reply = {}
for i = 4, #ARGV, 2 do
  local owner = owner_of(ARGV[i])
  if not owner or owner.token ~= ARGV[i + 1] then
    reply[#reply + 1] = 2
  else
    reply[#reply + 1] = owner.flag > 0 and 1 or 0
  end
end
return reply
