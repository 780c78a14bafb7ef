--[[
  Reads the flag document, unless the caller has it or it is too long for the caller.

  KEYS[1]  hash: revision, version, text, changedBy, changedAt, note
  ARGV[1]  known     revision that the caller has, or ""
  ARGV[2]  maxBytes  longest text that the caller accepts

  Largest input: a document of 1 MiB.
  Returns {"absent"}, {"unchanged"}, {"too-large", revision, version, bytes} or
  {"document", revision, version, text, changedBy, changedAt, note}.
  One key, O(bytes), cluster safe. Writes nothing.
]]
local call, key = redis.call, KEYS[1]
local revision = call("HGET", key, "revision")
if not revision then return { "absent" } end
if revision == ARGV[1] then return { "unchanged" } end
local bytes = call("HSTRLEN", key, "text")
if bytes > tonumber(ARGV[2]) then return { "too-large", revision, call("HGET", key, "version") or "0", bytes } end
local fields = call("HMGET", key, "version", "text", "changedBy", "changedAt", "note")
local reply = { "document", revision }
for i = 1, 5 do reply[i + 2] = fields[i] or "" end
return reply
