--[[
  Writes an entry, as in read.lua.

  KEYS[1]     the entry
  KEYS[2..n]  generations of its namespaces, the outermost first
  ARGV[1]     id             unique to this call: the generation of a namespace without one
  ARGV[2]     ttlMs          TTL of the entry
  ARGV[3]     metadataTtlMs  how much longer a generation lives than an entry
  ARGV[4]     text

  Largest input: an entry of 1 MB in 16 namespaces.

  Returns 1. O(namespaces). Writes the entry, which expires after ttlMs, and prolongs the generations, which outlive it.
]]
local call = redis.call
local ttl = tonumber(ARGV[2])
local life = ttl + ARGV[3]
local generations = {}
for i = 2, #KEYS do
  local generation = call("GET", KEYS[i])
  if not generation then
    generation = ARGV[1]
    call("SET", KEYS[i], generation, "PX", life)
  elseif call("PTTL", KEYS[i]) < ttl then
    call("PEXPIRE", KEYS[i], life)
  end
  generations[i - 1] = generation
end
call("SET", KEYS[1], table.concat(generations, ".") .. "|" .. ARGV[4], "PX", ttl)
return 1
