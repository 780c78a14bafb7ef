--[[
  Adds the requests of one tenant in one process to its hour, day and week. A message that was applied already changes
  nothing, so that a call without an answer may be repeated.

  KEYS[1]     string: number of the last message of this process for the tenant
  KEYS[2..4]  hash: the hour, the day, the week. Fields: requests, errors, slow, micros, and c<cell> for each cell of the sketch
  ARGV[1]     number of the message, rising
  ARGV[2..4]  time to live of the hour, the day, the week, ms
  ARGV[5]     time to live of the number, ms
  ARGV[6..n]  field and amount, an integer, in turn

  Largest input: 188 fields.
  Returns 1 when the message was applied, 0 when it had been already.
  O(fields), cluster safe: the keys share the hash tag of the tenant. Every key expires.
]]
local last = tonumber(redis.call("GET", KEYS[1]) or "0")
if tonumber(ARGV[1]) <= last then return 0 end
for key = 2, 4 do
  for at = 6, #ARGV, 2 do redis.call("HINCRBY", KEYS[key], ARGV[at], ARGV[at + 1]) end
  redis.call("PEXPIRE", KEYS[key], ARGV[key])
end
redis.call("SET", KEYS[1], ARGV[1], "PX", ARGV[5])
return 1
