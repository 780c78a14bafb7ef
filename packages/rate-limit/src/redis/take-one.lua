--[[
  Decides one request by GCRA, as take.lua decides many: for the request that comes alone, because reading and building
  the lists of a batch takes as long as deciding one.

  KEYS[i]  string: bucket of one rule and subject, as in take.lua
  ARGV[1]  now    ms since the epoch, or "" to use this server's clock (the default outside tests)
  ARGV[2]  cost   units
  ARGV[3..n]      per key: units of the burst, us per unit, ttl ms

  Returns integers as take.lua. O(keys). Writes what was charged, and buckets from a time to come; keys expire as those of
  take.lua.
]]
local call, count = redis.call, #KEYS
local now
if ARGV[1] == "" then
  local time = call("TIME")
  now = time[1] * 1000000 + time[2]
else
  now = math.floor(tonumber(ARGV[1]) * 1000 + 0.5)
end
local cost = tonumber(ARGV[2])
local asked = cost > 0 and cost or 1
local stored = call("MGET", unpack(KEYS))
local levels, bursts, per_units, expires, allowed = {}, {}, {}, {}, 1
for k = 1, count do
  local u, expires_at, burst, per_unit = 0, 0, tonumber(ARGV[k * 3]), tonumber(ARGV[k * 3 + 1])
  local value = stored[k]
  if value and #value == 24 then
    local since, held
    since, held, expires_at = struct.unpack("<ddd", value)
    -- From a time to come: the clock was set back, and the bucket is written whatever is decided.
    if since > now then since, expires_at = now, -1 end
    -- What a larger burst let in spills over before anything leaks.
    if held > burst then held = burst end
    u = held - (now - since) / per_unit
    -- Not a number compares false with everything and counts as empty.
    if not (u > 0) then u = 0 end
  end
  levels[k], bursts[k], per_units[k], expires[k] = u, burst, per_unit, expires_at
  -- Rounding is no unit.
  if u + asked > burst + (burst < 5e11 and burst * 1e-12 or 0.5) then allowed = 0 end
end
local reply = { now, allowed }
for k = 1, count do
  local u, expires_at = levels[k], expires[k]
  if allowed == 1 then u = u + cost end
  if allowed == 1 and cost > 0 or expires_at < 0 then
    if now + u * per_units[k] < expires_at then
      call("SET", KEYS[k], struct.pack("<ddd", now, u, expires_at), "KEEPTTL")
    else
      local ttl = ARGV[k * 3 + 2]
      call("PSETEX", KEYS[k], ttl, struct.pack("<ddd", now, u, now + ttl * 1000))
    end
  end
  reply[k + 2] = u / bursts[k] * 4503599627370496
end
return reply
