--[[
  Ends values and leases of one tenant, then tells everybody. Entries, generations and tags are as in read.lua.

  KEYS[1]     generation of the tenant
  KEYS[2..n]  entries to end
  ARGV[1]     id       the generation from now on, or "" to keep the one that is there
  ARGV[2]     lifeMs   that a generation lives before the first fill
  ARGV[3]     channel
  ARGV[4]     what is told
  ARGV[5..n]  tags to end

  Returns 1. O(entries + tags). Writes a generation or numbers of tags, which expire with the generation at the latest.
]]
local call = redis.call
if #KEYS > 1 then call("UNLINK", unpack(KEYS, 2)) end
if ARGV[1] ~= "" then
  call("SET", KEYS[1], ARGV[1] .. ".0", "PX", ARGV[2])
elseif #ARGV > 4 then
  local gen, n = string.match(call("GET", KEYS[1]) or "", "^([^.]*)%.(%d+)$")
  -- Without a generation nothing counts that there is.
  if gen then
    local generation, life = gen .. "." .. string.format("%.0f", n + 1), math.max(1, call("PTTL", KEYS[1]))
    call("SET", KEYS[1], generation, "PX", life)
    for i = 5, #ARGV do
      call("SET", string.sub(KEYS[1], 1, -2) .. "t:" .. ARGV[i], generation, "PX", life)
    end
  end
end
call("PUBLISH", ARGV[3], ARGV[4])
return 1
