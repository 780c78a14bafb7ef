--[[
  Reads entries of one or more tenants, and takes the lease of each missing one.

  KEYS[i]     for each tenant: its generation `<id>.<n>`, whose key ends with "g", then its entries
  ARGV[1]     id             unique to this call: the token of its leases, and the generation of a tenant without one
  ARGV[2]     leaseMs        0 takes no lease, and returns "B" for a missing entry and for one whose lease has ended
  ARGV[3]     metadataTtlMs  TTL of a generation before the first fill
  ARGV[4..n]  number of entries of each tenant

  Three formats of an entry:
    value          V<id>.<n>.<version>.<filledAtMs>.<freshMs>.<usableMs>.|<text>
    tagged value   T<id>.<n>.<version>.<filledAtMs>.<freshMs>.<usableMs>.<tag>:<tag>|<text>
    lease          L<id>.<n>.<version>.<token>.<endsAtMs>|<the value that is being replaced, or nothing>
  A value is valid while its id is that of the tenant's generation, and none of its tags has a higher number than its n. A
  tag's key is the key of the generation with "t:<tag>" in place of "g", and holds `<id>.<n>` too. It is known only after the
  entry was read.

  Returns ms since the epoch, then for each entry: the value; "H" if this call holds the lease; "B" if another one holds it.
  H and B are followed by the value that is being replaced; "A" if the entry was not looked at, because this call has looked
  at as many tags as one call may: ask again. An entry with more tags than a value may have counts as missing.
  Largest input: 128 entries, of which 1,024 tags are looked at, and 128 tags more.
  O(entries + tags). Writes leases, which expire, and generations of tenants without one.
]]
local call, sub, match = redis.call, string.sub, string.match
local id, lease, ttl = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local time = call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ends = string.format("%.0f", now + lease)
local values = call("MGET", unpack(KEYS))
local reply = { now }
-- Leases that this call has taken: the values of their keys were read before that.
local taken = {}

-- Bounds how long the call blocks the server, whatever tags the entries have.
local MAX_SEEN, MAX_TAGS, MAX_TAG_BYTES = 1024, 128, 4096
local seen = 0

local base, gen, plain, tagged, leased, width, numbers, fresh, current

-- Reads the numbers of tags. Another program may have written another type under the key. Then the tag counts as missing.
local function look_up(tags, keys)
  local found, width = call("MGET", unpack(keys)), #gen + 1
  for i = 1, #tags do
    local value = found[i]
    numbers[tags[i]] = value and sub(value, 1, width) == gen .. "." and tonumber(sub(value, width + 1))
  end
end

local function isValid(value)
  local head = sub(value, 1, width)
  if head == plain then return true end
  if head ~= tagged then return false end
  local n, tags = match(value, "^T[^.]*%.(%d+)%.[^.]*%.%d+%.%d+%.%d+%.([^|]*)|")
  if not n or #tags > MAX_TAG_BYTES then return false end
  local list, unknown, keys = {}, {}, {}
  for tag in string.gmatch(tags, "[^:]+") do
    list[#list + 1] = tag
    if numbers[tag] == nil then
      unknown[#unknown + 1] = tag
      keys[#keys + 1] = base .. "t:" .. tag
    end
    if #list > MAX_TAGS then return false end
  end
  seen = seen + #list
  if #unknown > 0 then look_up(unknown, keys) end
  for i = 1, #list do
    local known = numbers[list[i]]
    if not known or known > tonumber(n) then return false end
  end
  return true
end

local function answer(i)
  if seen >= MAX_SEEN then return "A" end
  if taken[KEYS[i]] then return "B" end
  local value, old = values[i], ""
  if value and isValid(value) then return value end
  if value and sub(value, 1, width) == leased then
    local token, till, rest = match(value, "^L[^.]*%.%d+%.[^.]*%.([^.]*)%.(%d+)|(.*)$")
    if till then
      if isValid(rest) then old = rest end
      -- A client that lost the connection sends its call again. Its lease is its own.
      if token == id then
        taken[KEYS[i]] = true
        return "H" .. old
      end
      if tonumber(till) > now then return "B" .. old end
    end
  end
  -- The holder of a lease that has ended may have died between its write to the source and the fill: the old value is in doubt.
  if lease == 0 then return "B" end
  taken[KEYS[i]] = true
  -- All missing entries of a tenant get the same lease.
  fresh = fresh or leased .. match(current, "(%d+)$") .. ".." .. id .. "." .. ends .. "|"
  if old == "" then
    call("SET", KEYS[i], fresh, "PX", ARGV[2])
    return "H"
  end
  call("SET", KEYS[i], fresh .. old, "PX", math.max(lease, call("PTTL", KEYS[i])))
  return "H" .. old
end

local at = 1
for a = 4, #ARGV do
  local generation = values[at]
  if not generation or not match(generation, "^[^.]+%.%d+$") then
    generation = id .. ".0"
    if lease > 0 then call("SET", KEYS[at], generation, "PX", ttl) end
  end
  base, gen = sub(KEYS[at], 1, -2), match(generation, "^([^.]*)")
  plain, tagged, leased = "V" .. gen .. ".", "T" .. gen .. ".", "L" .. gen .. "."
  width, numbers, fresh, current = #plain, {}, nil, generation
  local last = at + ARGV[a]
  for i = at + 1, last do
    reply[#reply + 1] = answer(i)
  end
  at = last + 1
end
return reply
