--[[
  Puts a value in the place of a lease. Entries, generations and tags are as in read.lua.

  KEYS[1]  generation of the tenant
  KEYS[2]  the entry
  ARGV[1]  token of the lease
  ARGV[2]  freshMs
  ARGV[3]  usableMs
  ARGV[4]  tags, joined with ":", or ""
  ARGV[5]  text
  ARGV[6]  lifeMs   that generations and tags live longer than entries
  ARGV[7]  channel on which a write is told, or ""
  ARGV[8]  what is told

  Returns 1, or 0 when the lease is gone or a tag may have been invalidated since it was taken.
  O(tags). Writes the entry, which expires after usableMs, its tags, and prolongs the generation: both outlive the entry.
]]
local call, match = redis.call, string.match
local value = call("GET", KEYS[2])
local gen, n, version, token = match(value or "", "^L([^.]*)%.(%d+)%.([^.]*)%.([^.]*)%.%d+|")
if token ~= ARGV[1] then return 0 end
local of, last = match(call("GET", KEYS[1]) or "", "^([^.]*)%.(%d+)$")
local usable, tags = tonumber(ARGV[3]), ARGV[4]
local life = usable + ARGV[6]

local function tagged(key)
  local by, number = match(call("GET", key) or "", "^([^.]*)%.(%d+)$")
  if by ~= gen then
    -- Unknown, or evicted: then what happened to it since the lease is known only if nothing happened at all.
    if last ~= n then return false end
    call("SET", key, gen .. "." .. n, "PX", life)
  elseif tonumber(number) > tonumber(n) then
    return false
  elseif call("PTTL", key) < usable then
    call("PEXPIRE", key, life)
  end
  return true
end

local counts = of == gen
for tag in string.gmatch(tags, "[^:]+") do
  counts = counts and tagged(string.sub(KEYS[1], 1, -2) .. "t:" .. tag)
end
if not counts then
  call("DEL", KEYS[2])
  return 0
end
local time = call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local kind = tags == "" and "V" or "T"
local head = kind .. table.concat({ gen, n, version, now, ARGV[2], ARGV[3], tags }, ".") .. "|"
call("SET", KEYS[2], head .. ARGV[5], "PX", ARGV[3])
if call("PTTL", KEYS[1]) < usable then call("PEXPIRE", KEYS[1], life) end
if ARGV[7] ~= "" then call("PUBLISH", ARGV[7], ARGV[8]) end
return 1
