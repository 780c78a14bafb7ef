--[[
  Replaces leases with values. Formats as in read.lua.

  KEYS[i]     two for each value: the generation of its tenant, and its entry
  ARGV[1]     metadataTtlMs  how much longer generations and tags live than entries
  ARGV[2]     channel of the invalidation bus, or "" to publish nothing
  ARGV[3..n]  for each value `<token of its lease>.<freshMs>.<usableMs>.<its tags joined with ":">`, its text, and, with a
              channel, the message to publish

  Returns for each value 1, or 0 if the lease is gone or a tag may have been invalidated since the lease was taken.
  Largest input: 128 values with 256 tags in all, or one value with 128 tags.
  O(values + tags). Writes entries, which expire after usableMs, and tags. Prolongs generations. Both outlive the entries.
]]
local call, match = redis.call, string.match
local extra, channel = tonumber(ARGV[1]), ARGV[2]
local time = call("TIME")
local now = string.format("%.0f", time[1] * 1000 + math.floor(time[2] / 1000))
local values = call("MGET", unpack(KEYS))
-- Most values of a call have equal leases and equal times. Each distinct string is parsed once.
local leases, metas, tenants = {}, {}, {}
-- Entries that this call has filled: their leases, read before that, are gone.
local filled = {}

local function leaseOf(text)
  local known = leases[text]
  if known == nil then
    local gen, n, version, token = match(text, "^L([^.]*)%.(%d+)%.([^.]*)%.([^.]*)%.%d+|")
    known = { gen = gen, n = n, version = version, token = token }
    leases[text] = known
  end
  return known
end

local function metaOf(text)
  local known = metas[text]
  if known == nil then
    local token, fresh, usable, tags = match(text, "^([^.]*)%.(%d+)%.(%d+)%.(.*)$")
    known = { token = token, fresh = fresh, usable = usable, ms = tonumber(usable), tags = tags }
    metas[text] = known
  end
  return known
end

local function tenantOf(key, value)
  local known = tenants[key]
  if known == nil then
    local gen, n = match(value or "", "^([^.]*)%.(%d+)$")
    known = { gen = gen, n = n, ms = 0 }
    tenants[key] = known
  end
  return known
end

local function isTagValid(key, found, lease, meta, last)
  local by, number = match(found or "", "^([^.]*)%.(%d+)$")
  if by ~= lease.gen then
    -- The tag is new, or was evicted. It is valid only if the tenant had no tag invalidation at all since the lease.
    if last ~= lease.n then return false end
    call("SET", key, lease.gen .. "." .. lease.n, "PX", meta.ms + extra)
  elseif tonumber(number) > tonumber(lease.n) then
    return false
  elseif call("PTTL", key) < meta.ms then
    call("PEXPIRE", key, meta.ms + extra)
  end
  return true
end

local function put(i, at)
  local generation, entry = KEYS[i], KEYS[i + 1]
  local lease, meta = leaseOf(values[i + 1] or ""), metaOf(ARGV[at])
  if lease.token ~= meta.token or filled[entry] then return 0 end
  filled[entry] = true
  local tenant = tenantOf(generation, values[i])
  local isValid = tenant.gen == lease.gen
  if meta.tags ~= "" then
    local base, keys = string.sub(generation, 1, -2) .. "t:", {}
    for tag in string.gmatch(meta.tags, "[^:]+") do keys[#keys + 1] = base .. tag end
    local found = call("MGET", unpack(keys))
    for n = 1, #keys do isValid = isValid and isTagValid(keys[n], found[n], lease, meta, tenant.n) end
  end
  if not isValid then
    call("DEL", entry)
    return 0
  end
  if lease.meta ~= meta then
    local kind = meta.tags == "" and "V" or "T"
    local parts = { lease.gen, lease.n, lease.version, now, meta.fresh, meta.usable, meta.tags }
    lease.meta, lease.head = meta, kind .. table.concat(parts, ".") .. "|"
  end
  call("SET", entry, lease.head .. ARGV[at + 1], "PX", meta.usable)
  if meta.ms > tenant.ms then tenant.ms = meta.ms end
  if channel ~= "" then call("PUBLISH", channel, ARGV[at + 2]) end
  return 1
end

local reply, step = {}, channel == "" and 2 or 3
for i = 1, #KEYS, 2 do
  local n = (i + 1) / 2
  reply[n] = put(i, 3 + (n - 1) * step)
end
for key, tenant in pairs(tenants) do
  if tenant.ms > 0 and call("PTTL", key) < tenant.ms then call("PEXPIRE", key, tenant.ms + extra) end
end
return reply
