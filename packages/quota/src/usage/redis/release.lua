--[[
  Drops the hold of an id. Does nothing when the hold has expired, was released or committed, or is unknown: it never frees
  the hold of another id.

  KEYS[1]  hash    the count, see reserve.lua
  KEYS[2]  zset    its holds
  KEYS[3]  string  state of the id
  ARGV[1]  now     ms since the epoch, or "" for this server's clock (the default outside tests)
  ARGV[2]  id
  ARGV[3]  keep    ms for which the state of the id is kept

  Returns 1 released | 0 no such hold.
  O(log holds). Creates no count; the keys it writes keep their expiry, or get one.
]]
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call("TIME")
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local units = string.match(redis.call("GET", KEYS[3]) or "", "^h:(%d+)")
local member = units and units .. ":" .. ARGV[2]
local expiry = member and tonumber(redis.call("ZSCORE", KEYS[2], member))
if not expiry or expiry <= now then return 0 end
redis.call("ZREM", KEYS[2], member)
local held = tonumber(redis.call("HGET", KEYS[1], "held"))
if held then redis.call("HSET", KEYS[1], "held", string.format("%.0f", math.max(0, held - units))) end
redis.call("SET", KEYS[3], "r:" .. units, "PX", ARGV[3])
return 1
