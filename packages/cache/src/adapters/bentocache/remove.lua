--[[
  Deletes entries of one namespace. Formats as in read.lua.

  KEYS[1..n]  generations of the namespaces, the outermost first, then the entries
  ARGV[1]     number of generations among the keys

  Largest input: 500 entries in 16 namespaces.

  Returns the number of deleted entries that were valid. O(keys).
]]
local values = redis.call("MGET", unpack(KEYS))
local count = tonumber(ARGV[1])
local head = ""
for i = 1, count do
  head = head .. (values[i] or "") .. (i < count and "." or "|")
end
local found = 0
for i = count + 1, #KEYS do
  if values[i] and string.sub(values[i], 1, #head) == head then found = found + 1 end
end
redis.call("UNLINK", unpack(KEYS, count + 1))
return found
