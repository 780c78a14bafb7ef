--[[
  Decides one request over one rule by GCRA, as take.lua decides many: for the request that comes alone, because reading and
  building the lists of a batch takes as long as deciding one.

  KEYS[1]  string: bucket of one rule and subject, as in take.lua
  ARGV[1]  now        ms since the epoch, or "" to use this server's clock (the default outside tests)
  ARGV[2]  cost       units
  ARGV[3]  burst      units
  ARGV[4]  per unit   us
  ARGV[5]  ttl        ms

  Returns integers as take.lua. O(1). Writes what was charged, and a bucket from a time to come; the key expires as those of
  take.lua.
]]
local call, key = redis.call, KEYS[1]
local now
if ARGV[1] == "" then
  local time = call("TIME")
  now = time[1] * 1000000 + time[2]
else
  now = math.floor(tonumber(ARGV[1]) * 1000 + 0.5)
end
local cost, burst, per_unit = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
-- What is stored may be foreign: an error is a table, whose length is not that of a bucket.
local value = redis.pcall("GET", key)
local u, expires_at = 0, 0
if value and #value == 24 then
  local since, held
  since, held, expires_at = struct.unpack("<ddd", value)
  -- From a time to come: the clock was set back, and the bucket is written whatever is decided.
  if since > now then
    since, expires_at = now, -1
  end
  -- What a larger burst let in spills over before anything leaks.
  if held > burst then held = burst end
  u = held - (now - since) / per_unit
  -- Not a number compares false with everything and counts as empty.
  if not (u > 0) then u = 0 end
end
-- Rounding is no unit.
local allowed = u + (cost > 0 and cost or 1) <= burst + (burst < 5e11 and burst * 1e-12 or 0.5)
if allowed then u = u + cost end
if allowed and cost > 0 or expires_at < 0 then
  if now + u * per_unit < expires_at then
    call("SET", key, struct.pack("<ddd", now, u, expires_at), "KEEPTTL")
  else
    call("PSETEX", key, ARGV[5], struct.pack("<ddd", now, u, now + ARGV[5] * 1000))
  end
end
return { now, allowed and 1 or 0, u / burst * 4503599627370496 }
