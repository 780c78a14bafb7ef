--[[
  Invalidates values and leases of one tenant, then publishes it. Formats as in read.lua.

  KEYS[1]     generation of the tenant
  KEYS[2..n]  entries to invalidate
  ARGV[1]     id             start of the new generation, which invalidates all entries, or "" to keep the current one
  ARGV[2]     metadataTtlMs  TTL of a generation before the first fill
  ARGV[3]     channel of the invalidation bus
  ARGV[4]     message
  ARGV[5..n]  tags to invalidate

  Largest input: 256 entries and tags, and a message that names them.

  Returns 1. O(entries + tags). Writes a generation or numbers of tags, which expire with the generation at the latest.
]]
local call = redis.call
if #KEYS > 1 then call("UNLINK", unpack(KEYS, 2)) end
if ARGV[1] ~= "" then
  -- A client that lost the connection sends its call again, perhaps after another one. With the same generation, entries
  -- that were filled in between and invalidated since would be valid again.
  local time = call("TIME")
  call("SET", KEYS[1], ARGV[1] .. "-" .. time[1] .. "-" .. time[2] .. ".0", "PX", ARGV[2])
elseif #ARGV > 4 then
  local gen, n = string.match(call("GET", KEYS[1]) or "", "^([^.]*)%.(%d+)$")
  -- Without a generation no entry of the tenant is valid, so there is nothing to invalidate.
  if gen then
    local generation, ttl = gen .. "." .. string.format("%.0f", n + 1), math.max(1, call("PTTL", KEYS[1]))
    call("SET", KEYS[1], generation, "PX", ttl)
    for i = 5, #ARGV do
      call("SET", string.sub(KEYS[1], 1, -2) .. "t:" .. ARGV[i], generation, "PX", ttl)
    end
  end
end
call("PUBLISH", ARGV[3], ARGV[4])
return 1
