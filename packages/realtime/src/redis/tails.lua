--[[
  Reads the newest position of a tenant and of each of its topics. The history and its arguments are those of history.lua, which
  runs before it.

  KEYS[2..n]  string: the newest event of each topic, "<epoch> <position>"

  Largest input: 200 topics.
  Returns {epoch, head, and the newest position of each topic, "0" without an event}. Keys share a hash tag. O(topics).
]]
local reply = { epoch, headText }
for i = 2, #KEYS do
  local ofEpoch, position = string.match(call("GET", KEYS[i]) or "", "^(%x+) (%d+)$")
  reply[#reply + 1] = ofEpoch == epoch and position or "0"
end
return reply
