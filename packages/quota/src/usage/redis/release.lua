--[[
  Drops the hold of an id. Does nothing when the hold has expired, was released or committed, or is unknown: it never frees
  the hold of another id, nor one that the id got after the reservation that is released.

  KEYS[1]  hash    the count, see reserve.lua
  KEYS[2]  zset    its holds
  KEYS[3]  string  record of the id, see reserve.lua
  ARGV[1]  now     ms since the epoch, or "" for this server's clock (the default outside tests)
  ARGV[2]  id
  ARGV[3]  keep    ms for which the state of the id is kept
  ARGV[4]  metric
  ARGV[5]  call    name of the call that reserved, "" for any

  Largest input: one count.
  Returns 1 released | 0 no such hold.
  O(log holds). Creates no count; the keys it writes keep their expiry, or get one.
]]
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call("TIME")
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local record, name = redis.call("GET", KEYS[3]) or "", "\n" .. ARGV[4] .. ":"
local from, to = string.find(record, name, 1, true)
local units, rest = string.match(record, "^h:(%d+)(:[^\n]*)", (to or #record) + 1)
if not units then return 0 end
local calls = string.match(record, "^[^\n]*\n([^\n]*)")
if ARGV[5] ~= "" and calls ~= "*" and not string.find(calls, ARGV[5] .. " ", 1, true) then return 0 end
local member = units .. ":" .. ARGV[2]
local expiry = tonumber(redis.call("ZSCORE", KEYS[2], member))
if not expiry or expiry <= now then return 0 end
redis.call("ZREM", KEYS[2], member)
local held = tonumber(redis.call("HGET", KEYS[1], "held"))
if held then redis.call("HSET", KEYS[1], "held", string.format("%.0f", math.max(0, held - units))) end
local after = string.match(record, "\n.*", to) or ""
record = string.sub(record, 1, from - 1) .. name .. "r:" .. units .. rest .. after
if redis.call("PTTL", KEYS[3]) < tonumber(ARGV[3]) then
  redis.call("SET", KEYS[3], record, "PX", ARGV[3])
else
  redis.call("SET", KEYS[3], record, "KEEPTTL")
end
return 1
