--[[
  Reads entries of one or more tenants, and takes the lease of each that is not there.

  KEYS[i]     for each tenant: its generation `<id>.<n>`, whose key ends with "g", then its entries
  ARGV[1]     id       of this call, of nobody else's: the token of its leases, and the generation of a tenant without one
  ARGV[2]     leaseMs  or 0: takes none, and says "B" of what is not there
  ARGV[3]     lifeMs   that a generation lives before the first fill
  ARGV[4..n]  entries of each tenant

  An entry is `V<id>.<n>.<version>.<filledAtMs>.<freshMs>.<usableMs>.|<text>`, with the `T` of an entry that has tags and
  them before the bar; or a lease `L<id>.<n>.<version>.<token>.<endsAtMs>|`, and after it the entry that is being replaced.
  It counts while its generation is that of its tenant, and none of its tags has a higher number than its own. The key of
  a tag, `<id>.<n>` too, is that of the generation with "t:" and the tag for its "g": it is not known before the entry is.

  Returns ms since the epoch, then for each entry: itself; "H" when the lease is the caller's, "B" when it is another's,
  each followed by the entry that is being replaced.
  O(entries + tags). Writes leases, which expire, and generations of tenants without one.
]]
local call, sub, match = redis.call, string.sub, string.match
local id, lease, life = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local time = call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ends = string.format("%.0f", now + lease)
local values = call("MGET", unpack(KEYS))
local reply = { now }
-- Keys that come twice: what they held is not what they hold by then.
local taken = {}

local base, gen, plain, tagged, leased, width, numbers, fresh

local function number(tag)
  local known = numbers[tag]
  if known == nil then
    -- What is of another type was put there by somebody else, and is as good as not there.
    local found = redis.pcall("GET", base .. "t:" .. tag)
    local of, n = match(type(found) == "string" and found or "", "^([^.]*)%.(%d+)$")
    known = of == gen and tonumber(n)
    numbers[tag] = known
  end
  return known
end

local function counts(value)
  local head = sub(value, 1, width)
  if head == plain then return true end
  if head ~= tagged then return false end
  local n, tags = match(value, "^T[^.]*%.(%d+)%.[^.]*%.%d+%.%d+%.%d+%.([^|]*)|")
  if not n then return false end
  for tag in string.gmatch(tags, "[^:]+") do
    local known = number(tag)
    if not known or known > tonumber(n) then return false end
  end
  return true
end

local function answer(i)
  if taken[KEYS[i]] then return "B" end
  local value, old = values[i], ""
  if value and counts(value) then return value end
  if value and sub(value, 1, width) == leased then
    local till, rest = match(value, "^L[^.]*%.%d+%.[^.]*%.[^.]*%.(%d+)|(.*)$")
    if till then
      if counts(rest) then old = rest end
      if tonumber(till) > now then return "B" .. old end
    end
  end
  if lease == 0 then return "B" .. old end
  taken[KEYS[i]] = true
  -- The same for all entries of the tenant that are not there.
  fresh = fresh or leased .. match(numbers.generation, "(%d+)$") .. ".." .. id .. "." .. ends .. "|"
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
    if lease > 0 then call("SET", KEYS[at], generation, "PX", life) end
  end
  base, gen = sub(KEYS[at], 1, -2), match(generation, "^([^.]*)")
  plain, tagged, leased = "V" .. gen .. ".", "T" .. gen .. ".", "L" .. gen .. "."
  width, numbers, fresh = #plain, { generation = generation }, nil
  local last = at + ARGV[a]
  for i = at + 1, last do
    reply[#reply + 1] = answer(i)
  end
  at = last + 1
end
return reply
