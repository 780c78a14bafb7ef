--[[
  Gives counts without an epoch one: the name under which the ledger keeps the units committed from now on. The units of
  earlier epochs in the ledger become their base. A count that has an epoch stays as it is, so when several processes read
  the ledger at the same time, the first one wins.

  KEYS[i]  hash    counts, see reserve.lua, all in one slot
  ARGV[1]  epoch   a name that no other call uses
  ARGV[i]  from the second, for each count: units in the ledger, largest threshold that they have reached in 10,000ths of
           the limit, ms from now for which the hash is kept

  Largest input: 200 counts.
  Returns the number of counts that got an epoch.
  O(counts). Every key that is written expires.
]]
local given = 0
for i = 1, #KEYS do
  if redis.call("HSETNX", KEYS[i], "epoch", ARGV[1]) == 1 then
    redis.call("HINCRBY", KEYS[i], "base", ARGV[i * 3 - 1])
    redis.call("HSETNX", KEYS[i], "reached", ARGV[i * 3])
    redis.call("PEXPIRE", KEYS[i], ARGV[i * 3 + 1])
    given = given + 1
  end
end
return given
