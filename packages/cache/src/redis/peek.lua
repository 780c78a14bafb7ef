--[[
  Says what keys hold, without their values. Entries, generations and tags are as in read.lua.

  KEYS[i]  keys of the store, of any kind
  ARGV[i]  "1" to hash the text of the entry unless it is longer than 256 KiB, "" not to

  Returns for each key what stands before the bar of an entry, or all of what has none, "" when there is no text at all;
  and the SHA-1 of the text of an entry, in hex, or "". O(keys). Writes nothing.
]]
local reply = {}
for i = 1, #KEYS do
  local value = redis.pcall("GET", KEYS[i])
  local head, hash = "", ""
  if type(value) == "string" then
    head = string.match(value, "^([^|]*)|") or string.sub(value, 1, 200)
    if ARGV[i] == "1" and #value <= 262144 then hash = redis.sha1hex(string.sub(value, #head + 2)) end
  end
  reply[2 * i - 1], reply[2 * i] = head, hash
end
return reply
