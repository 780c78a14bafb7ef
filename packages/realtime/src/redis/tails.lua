--[[
  Reads the newest position of a tenant and of each of its topics.

  KEYS[1]  string: the tenant's history, "<epoch> <lineage> <head>"
  KEYS[2..n]  string: the newest event of each topic, "<epoch> <position>"
  ARGV[1]  keep       ms for which the tenant's history is kept
  ARGV[2]  restart    as in append.lua
  ARGV[3]  now        ms since epoch, or "" for the clock of the server
  ARGV[4]  candidate  epoch for a tenant without one

  Largest input: 200 topics.
  Returns {epoch, head, and the newest position of each topic, "0" without an event}. Keys share a hash tag. O(topics).
  Writes the head, which expires after `keep`.
]]
local call = redis.call
local now = tonumber(ARGV[3])
local lineage = "-"
if ARGV[2] == "reset" then
  local info = redis.pcall("INFO", "replication")
  if type(info) == "string" then lineage = string.match(info, "master_replid:(%x+)") or "-" end
end
if not now then
  local time = call("TIME")
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local value = call("GET", KEYS[1])
local epoch, known, head
if value then epoch, known, head = string.match(value, "^(%x+) (%S+) (%d+)$") end
if not epoch then
  epoch, known = ARGV[4], lineage
elseif lineage ~= "-" and known ~= lineage then
  if known ~= "-" then epoch = ARGV[4] end
  known = lineage
end
local text = string.format("%.0f", math.max(tonumber(head or 0), now * 1024))
call("SET", KEYS[1], epoch .. " " .. known .. " " .. text, "PX", ARGV[1])

local reply = { epoch, text }
for i = 2, #KEYS do
  local ofEpoch, position = string.match(call("GET", KEYS[i]) or "", "^(%x+) (%d+)$")
  reply[#reply + 1] = ofEpoch == epoch and position or "0"
end
return reply
