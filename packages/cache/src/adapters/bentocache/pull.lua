--[[
  Reads an entry, as in read.lua, and deletes it.

  KEYS[1]     the entry
  KEYS[2..n]  generations of its namespaces, the outermost first

  Largest input: an entry of 1 MB in 16 namespaces.

  Returns the text, or false. O(namespaces).
]]
local values = redis.call("MGET", unpack(KEYS))
local entry = values[1]
if not entry then return false end
redis.call("UNLINK", KEYS[1])
for i = 2, #KEYS do
  if not values[i] then return false end
end
local head = table.concat(values, ".", 2) .. "|"
if string.sub(entry, 1, #head) ~= head then return false end
return string.sub(entry, #head + 1)
