--[[
  Gives one process at a time the right to probe a dependency, as a lease. After a recovery every process may probe.

  KEYS[1]  hash: state of the breaker, as in report-open.lua
  ARGV[1]  now       ms since the epoch, or "" to use this server's clock (the default outside tests)
  ARGV[2]  instance  id of the process; the holder of a lease renews it
  ARGV[3]  lease     ms after which the lease ends by itself

  Largest input: one breaker.
  Returns {1, 0} with the right, or {0, ms to wait}. O(1). The hash expires with the lease, or later.
]]
local call = redis.call
local now = tonumber(ARGV[1])
if not now then
  local time = call("TIME")
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local state = call("HMGET", KEYS[1], "recovered", "until", "holder", "lease")
if state[1] then return { 1, 0 } end
local until_ms, lease_ms = tonumber(state[2] or 0), tonumber(state[4] or 0)
if until_ms > now then return { 0, until_ms - now } end
if state[3] and state[3] ~= ARGV[2] and lease_ms > now then return { 0, lease_ms - now } end
local lease = math.ceil(tonumber(ARGV[3]))
call("HSET", KEYS[1], "holder", ARGV[2], "lease", string.format("%.0f", now + lease))
if call("PTTL", KEYS[1]) < lease then call("PEXPIRE", KEYS[1], lease) end
return { 1, 0 }
