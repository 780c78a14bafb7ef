--[[
  Takes the lease of an entry that may have a value: to refresh it, or to write it. Formats as in read.lua.

  KEYS[1]  generation of the tenant
  KEYS[2]  the entry
  ARGV[1]  id             token of the lease, and the generation of a tenant without one
  ARGV[2]  leaseMs
  ARGV[3]  metadataTtlMs  TTL of a generation before the first fill
  ARGV[4]  "refresh" yields to another lease; "write" takes it. The old value stays until the fill
  ARGV[5]  version of the written value, or "" for none

  Largest input: one entry whose old value has 1 MB.

  Returns 1 if this call holds the lease, 0 if another one does, -1 if the entry has a higher version.
  O(1). Writes a lease, which expires, and the generation of a tenant without one.
]]
local call, match = redis.call, string.match
local id, lease, version = ARGV[1], tonumber(ARGV[2]), ARGV[5]
local time = call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local generation = call("GET", KEYS[1])
if not generation or not match(generation, "^[^.]+%.%d+$") then
  generation = id .. ".0"
  call("SET", KEYS[1], generation, "PX", ARGV[3])
end
local gen = match(generation, "^([^.]*)")
local value = call("GET", KEYS[2]) or ""
local kind, of, has = match(value, "^([VTL])([^.]*)%.%d+%.([^.]*)%.")
local old, ms = "", lease
if of == gen then
  if kind == "L" then
    local token, ends, rest = match(value, "^L[^.]*%.%d+%.[^.]*%.([^.]*)%.(%d+)|(.*)$")
    -- A client that lost the connection sends its call again. Its lease is its own.
    if ARGV[4] == "refresh" and token ~= id and tonumber(ends) > now then return 0 end
    old = rest
  else
    old = value
  end
  if version ~= "" and has ~= "" and tonumber(has) > tonumber(version) then return -1 end
  if ARGV[4] == "refresh" then version = has end
  if old ~= "" then ms = math.max(lease, call("PTTL", KEYS[2])) end
end
local head = "L" .. generation .. "." .. version .. "." .. id .. "." .. (now + lease) .. "|"
call("SET", KEYS[2], head .. old, "PX", ms)
return 1
