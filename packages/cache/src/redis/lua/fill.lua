--[[
  Puts values in the place of leases. Entries, generations and tags are as in read.lua.

  KEYS[i]     two for each value: the generation of its tenant, and its entry
  ARGV[1]     lifeMs   that generations and tags live longer than entries
  ARGV[2]     channel on which the values are told, or ""
  ARGV[3..n]  for each value `<token of its lease>.<freshMs>.<usableMs>.<its tags joined with ":">`, its text, and, with a
              channel, what is told of it

  Returns for each value 1, or 0 when the lease is gone or a tag may have been invalidated since it was taken.
  O(values + tags). Writes entries, which expire after usableMs, their tags, and prolongs the generations: both outlive them.
]]
local call, match = redis.call, string.match
local life, channel = tonumber(ARGV[1]), ARGV[2]
local time = call("TIME")
local now = string.format("%.0f", time[1] * 1000 + math.floor(time[2] / 1000))
local values = call("MGET", unpack(KEYS))
-- Most values of a call have the same lease but for the key, and the same times: each is taken apart once.
local leases, metas, tenants = {}, {}, {}
-- What was read before a value was put there says nothing about the lease any more.
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

local function tagCounts(key, lease, meta, last)
  local by, number = match(call("GET", key) or "", "^([^.]*)%.(%d+)$")
  if by ~= lease.gen then
    -- Unknown, or evicted: then what happened to it since the lease is known only if nothing happened at all.
    if last ~= lease.n then return false end
    call("SET", key, lease.gen .. "." .. lease.n, "PX", meta.ms + life)
  elseif tonumber(number) > tonumber(lease.n) then
    return false
  elseif call("PTTL", key) < meta.ms then
    call("PEXPIRE", key, meta.ms + life)
  end
  return true
end

local function put(i, at)
  local generation, entry = KEYS[i], KEYS[i + 1]
  local lease, meta = leaseOf(values[i + 1] or ""), metaOf(ARGV[at])
  if lease.token ~= meta.token or filled[entry] then return 0 end
  filled[entry] = true
  local tenant = tenantOf(generation, values[i])
  local counts = tenant.gen == lease.gen
  if meta.tags ~= "" then
    for tag in string.gmatch(meta.tags, "[^:]+") do
      counts = counts and tagCounts(string.sub(generation, 1, -2) .. "t:" .. tag, lease, meta, tenant.n)
    end
  end
  if not counts then
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
  if tenant.ms > 0 and call("PTTL", key) < tenant.ms then call("PEXPIRE", key, tenant.ms + life) end
end
return reply
