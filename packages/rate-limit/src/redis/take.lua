--[[
  Decides a batch of requests by GCRA (see ../gcra.ts), each over all of its rules: all are charged or none is.
  Later requests of the batch see what earlier ones were charged.

  KEYS[i]  string: bucket of one rule and subject, two little-endian doubles: us since the epoch, units used then;
           absent means empty. Each key once, all in one slot.
  ARGV[1]  now    ms since the epoch, or "" to use this server's clock (the default outside tests)
  ARGV[2]  batch  JSON list of numbers but for the ttl strings:
                  number of rules, then per rule:     units leaked per ms, units of the burst, us per unit,
                                                      ttl ms as a string
                  until the end, per request:         cost in units, number of charges,
                                                      then per charge: index of the key, index of the rule (from 1)

  Returns integers, per request: 1 allowed | 0 denied, then per charge: units remaining, us until the bucket is empty.
  O(charges). Writes what was charged, and buckets from a time to come: the clock was set back. A key expires when its
  bucket is empty, after a second at the least.
]]
local same = 1e-12
local now
if ARGV[1] == "" then
  local time = redis.call("TIME")
  now = time[1] * 1000000 + time[2]
else
  now = math.floor(tonumber(ARGV[1]) * 1000 + 0.5)
end
local batch = cjson.decode(ARGV[2])
local stored = redis.call("MGET", unpack(KEYS))
local used, written, reply = {}, {}, {}
local at, size, out = 2 + batch[1] * 4, #batch, 0

-- What bucket k holds now under the rule at index r of the batch. What is stored may be foreign, or from another rule.
local function level(k, r)
  local u = used[k]
  if not u then
    u = 0
    local value = stored[k]
    if value and #value == 16 then
      local since, held = struct.unpack("<dd", value)
      if since > now then
        since = now
        written[k] = batch[r + 3]
      end
      u = held - (now - since) / 1000 * batch[r]
      -- Not a number compares false with everything and counts as empty.
      if not (u > 0) then u = 0 end
    end
    used[k] = u
  end
  local burst = batch[r + 1]
  return u > burst and burst or u
end

while at <= size do
  local cost, charges = batch[at], batch[at + 1]
  local first, last = at + 2, at + charges * 2
  local asked = cost > 0 and cost or 1
  local allowed = true
  for c = first, last, 2 do
    local r = batch[c + 1] * 4 - 2
    if level(batch[c], r) + asked > batch[r + 1] * (1 + same) then
      allowed = false
      break
    end
  end
  out = out + 1
  reply[out] = allowed and 1 or 0
  for c = first, last, 2 do
    local k, r = batch[c], batch[c + 1] * 4 - 2
    local u, burst = level(k, r), batch[r + 1]
    if allowed and cost > 0 then
      u = u + cost
      used[k] = u
      written[k] = batch[r + 3]
    end
    local reset = math.ceil((u - burst * same) * batch[r + 2])
    reply[out + 1] = math.floor(burst * (1 + same) - u)
    reply[out + 2] = reset > 0 and reset or 0
    out = out + 2
  end
  at = last + 2
end

for k, ttl in pairs(written) do
  redis.call("SET", KEYS[k], struct.pack("<dd", now, used[k]), "PX", ttl)
end
return reply
