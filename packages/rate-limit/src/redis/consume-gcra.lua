--[[
  Decides a batch of requests by GCRA (see ../algorithms/gcra.ts). Each request charges all of its rules or none. Later
  requests of the batch see the charges of earlier ones. consume.lua knows every algorithm; this script does less, and is
  all that most requests need.

  KEYS[i]  string: bucket of one rule and subject, three little-endian doubles: us since the epoch, units used then, us
           since the epoch at which the key expires, negative when units were charged beyond the burst; absent means
           empty. All in one slot; a key may come more than once.
  ARGV[1]  now    ms since the epoch, or "" to use this server's clock (the default outside tests)
  ARGV[2]  batch  JSON list of numbers but for the ttl strings:
                  number of rules, then per rule:     units of the burst, us per unit, ttl ms as a string
                  until the end, per request:         cost in units, number of charges,
                                                      then per charge: index of the key, index of the rule (from 1)

  Largest input: 32 requests of 16 rules.
  Returns integers: us since the epoch, then per request: 1 allowed | 0 denied, then per charge: the used share of the
  burst, times 2^52. The remaining units and the wait follow from that one number, without a rounding that matters.
  O(charges). Writes charges, and buckets whose time is in the future: the clock was set back. A key expires when its
  bucket is empty, after a second at the least; an expiry that is late enough is kept, because setting it costs as much
  as the rest of a write.
]]
local now
if ARGV[1] == "" then
  local time = redis.call("TIME")
  now = time[1] * 1000000 + time[2]
else
  now = math.floor(tonumber(ARGV[1]) * 1000 + 0.5)
end
local keys, call = KEYS, redis.call
local batch = cjson.decode(ARGV[2])
local stored = call("MGET", unpack(keys))
local used, expires, written, levels, reply = {}, {}, {}, {}, { now }
local at, size, out = 2 + batch[1] * 3, #batch, 1

-- The level of bucket k now, under the rule at index r of the batch. Valid for this request alone, because under a larger
-- rule the bucket holds more. Another program may have stored the value.
local function read(k, r)
  local value = stored[k]
  if not value or #value ~= 24 then return 0 end
  local since, held, until_ = struct.unpack("<ddd", value)
  local is_ahead = since > now
  if is_ahead then since = now end
  -- Units above the burst are cut off before anything leaks, but for those that were charged beyond it.
  if held > batch[r] then held = until_ < 0 and math.min(held, batch[r] * 1000) or batch[r] end
  local u = held - (now - since) / batch[r + 1]
  -- NaN compares false with everything, and counts as empty.
  if not (u > 0) then u = 0 end
  if is_ahead then
    used[keys[k]], written[keys[k]] = u, r
    if until_ < 0 then expires[keys[k]] = until_ end
  else
    expires[keys[k]] = until_
  end
  return u
end

-- The burst plus its rounding tolerance: usage up to here is admitted.
local function capacity(burst)
  return burst + (burst < 5e11 and burst * 1e-12 or 0.5)
end

while at <= size do
  local cost, charges = batch[at], batch[at + 1]
  local first, last = at + 2, at + charges * 2
  local wanted = cost > 0 and cost or 1
  local allowed = true
  for c = first, last, 2 do
    local k, r = batch[c], batch[c + 1] * 3 - 1
    local key, burst = keys[k], batch[r]
    local u = used[key]
    if not u then
      u = read(k, r)
    elseif u > burst and (expires[key] or 0) >= 0 then
      -- Another rule of the batch has filled it higher.
      u = burst
    end
    levels[c] = u
    if u + wanted > capacity(burst) then allowed = false end
  end
  out = out + 1
  reply[out] = allowed and 1 or 0
  local charged = allowed and cost or 0
  for c = first, last, 2 do
    local r, u = batch[c + 1] * 3 - 1, levels[c] + charged
    if charged > 0 then
      local key = keys[batch[c]]
      used[key] = u
      written[key] = r
    end
    out = out + 1
    reply[out] = u / batch[r] * 4503599627370496
  end
  at = last + 2
end

for key, r in pairs(written) do
  local u, expires_at = used[key], expires[key]
  if expires_at and now + u * batch[r + 1] < expires_at then
    call("SET", key, struct.pack("<ddd", now, u, expires_at), "KEEPTTL")
  elseif expires_at and expires_at < 0 and u > batch[r] then
    local ttl = string.format("%.0f", math.ceil(u * batch[r + 1] / 1000) + 1)
    call("PSETEX", key, ttl, struct.pack("<ddd", now, u, -(now + ttl * 1000)))
  else
    local ttl = batch[r + 2]
    call("PSETEX", key, ttl, struct.pack("<ddd", now, u, now + ttl * 1000))
  end
end
return reply
