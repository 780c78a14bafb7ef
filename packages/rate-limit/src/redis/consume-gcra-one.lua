--[[
  Decides one request with one rule by GCRA, as consume-gcra.lua decides many. For a request without company, because
  decoding and building the lists of a batch takes as long as the decision.

  KEYS[1]  string: bucket of one rule and subject, as in consume-gcra.lua
  ARGV[1]  now        ms since the epoch, or "" to use this server's clock (the default outside tests)
  ARGV[2]  cost       units
  ARGV[3]  burst      units
  ARGV[4]  per unit   us
  ARGV[5]  ttl        ms

  Returns integers as consume-gcra.lua. O(1). Writes the charge, and a bucket whose time is in the future; the key expires
  as those of consume-gcra.lua.
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
-- Another program may have stored the value: an error is a table, whose length is not that of a bucket.
local value = redis.pcall("GET", key)
local u, expires_at = 0, 0
if value and #value == 24 then
  local since, held
  since, held, expires_at = struct.unpack("<ddd", value)
  -- A time in the future: the clock was set back, and the bucket is written whatever is decided.
  if since > now then
    since, expires_at = now, -1
  end
  -- Units above the burst are cut off before anything leaks.
  if held > burst then held = burst end
  u = held - (now - since) / per_unit
  -- NaN compares false with everything, and counts as empty.
  if not (u > 0) then u = 0 end
end
-- The burst plus its rounding tolerance.
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
