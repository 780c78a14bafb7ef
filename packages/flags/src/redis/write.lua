--[[
  Replaces the flag document if it is still the one that the change is based on.

  KEYS[1]  hash: revision, version, text, changedBy, changedAt, note
  ARGV[1]  base      revision that the change is based on, or "" for no document
  ARGV[2]  revision  identity of the new document
  ARGV[3]  after     version that the new one must exceed
  ARGV[4]  text
  ARGV[5]  changedBy
  ARGV[6]  changedAt ms since epoch
  ARGV[7]  note, or ""
  ARGV[8]  channel on which the revision is published

  Largest input: a document of 1 MiB.
  Returns {"written", version} or {"conflict"}. A repeated call returns "written" again and changes nothing.
  One key, O(bytes), cluster safe. The key does not expire: it is configuration, not a copy of anything.
]]
local call, key = redis.call, KEYS[1]
local revision = call("HGET", key, "revision") or ""
if revision == ARGV[2] then return { "written", call("HGET", key, "version") } end
if revision ~= ARGV[1] then return { "conflict" } end
local version = math.max(tonumber(call("HGET", key, "version") or 0), tonumber(ARGV[3])) + 1
version = string.format("%.0f", version)
call("HSET", key, "revision", ARGV[2], "version", version, "text", ARGV[4])
call("HSET", key, "changedBy", ARGV[5], "changedAt", ARGV[6], "note", ARGV[7])
call("PUBLISH", ARGV[8], ARGV[2])
return { "written", version }
