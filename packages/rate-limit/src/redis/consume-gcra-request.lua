--[[
  Decides one request by GCRA, as consume-gcra.lua decides many. For a request that is sent alone, because decoding and
  building the lists of a batch takes as long as the decision.

  KEYS[i]  string: bucket of one rule and subject, as in consume-gcra.lua; each key once
  ARGV[1]     now    ms since the epoch, or "" to use this server's clock (the default outside tests)
  ARGV[2]     cost   units
  ARGV[3..n]  rules  per key: units of the burst, us per unit, ttl ms

  Largest input: 32 rules: those of a plan and of a group.
  Returns integers as consume-gcra.lua. O(keys). Writes charges, and buckets whose time is in the future; keys expire as
  those of consume-gcra.lua.
]]
local call, keys, argv = redis.call, KEYS, ARGV
local count = #keys
local now
if argv[1] == "" then
  local time = call("TIME")
  now = time[1] * 1000000 + time[2]
else
  now = math.floor(tonumber(argv[1]) * 1000 + 0.5)
end
local cost = tonumber(argv[2])
local wanted = cost > 0 and cost or 1
local stored
if count == 1 then
  -- Another program may have stored the value: an error is a table, whose length is not that of a bucket.
  stored = { redis.pcall("GET", keys[1]) }
else
  stored = call("MGET", unpack(keys))
end
local allowed, used, expires, reply = true, {}, {}, { now, 1 }

for i = 1, count do
  local burst, value = tonumber(argv[i * 3]), stored[i]
  local u, expires_at = 0, 0
  if value and #value == 24 then
    local since, held
    since, held, expires_at = struct.unpack("<ddd", value)
    -- Units above the burst are cut off before anything leaks, but for those that were charged beyond it.
    if held > burst then held = expires_at < 0 and math.min(held, burst * 1000) or burst end
    if since > now then
      -- A time in the future: the clock was set back, and the bucket is written whatever is decided.
      since, expires_at = now, expires_at < 0 and -2 or -1
    elseif expires_at < 0 then
      expires_at = 0
    end
    u = held - (now - since) / argv[i * 3 + 1]
    -- NaN compares false with everything, and counts as empty.
    if not (u > 0) then u = 0 end
  end
  -- The burst plus its rounding tolerance.
  if u + wanted > burst + (burst < 5e11 and burst * 1e-12 or 0.5) then allowed = false end
  used[i], expires[i] = u, expires_at
end

if not allowed then
  reply[2] = 0
  cost = 0
end
for i = 1, count do
  local u, expires_at = used[i] + cost, expires[i]
  if cost > 0 or expires_at < 0 then
    if now + u * argv[i * 3 + 1] < expires_at then
      call("SET", keys[i], struct.pack("<ddd", now, u, expires_at), "KEEPTTL")
    elseif expires_at == -2 and u > tonumber(argv[i * 3]) then
      local ttl = string.format("%.0f", math.ceil(u * argv[i * 3 + 1] / 1000) + 1)
      call("PSETEX", keys[i], ttl, struct.pack("<ddd", now, u, -(now + ttl * 1000)))
    else
      local ttl = argv[i * 3 + 2]
      call("PSETEX", keys[i], ttl, struct.pack("<ddd", now, u, now + ttl * 1000))
    end
  end
  reply[i + 2] = u / argv[i * 3] * 4503599627370496
end
return reply
