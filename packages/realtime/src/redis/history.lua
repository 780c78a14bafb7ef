--[[
  Opens the history of a tenant, in front of read.lua and tails.lua: scripts.ts puts them together. It is no operation of its own.

  KEYS[1]  string: the tenant's history, "<epoch> <lineage> <head>"
  ARGV[1]  keep       ms for which the history is kept
  ARGV[2]  restart    "reset": a server that has restarted or failed over begins a new epoch; "resume": it does not
  ARGV[3]  now        ms since epoch, or "" for the clock of the server
  ARGV[4]  candidate  epoch for a tenant without one

  Largest input: one key.
  Defines `now`, `epoch`, `head` (newest position), `lastHead` (that before this call, 0 without one) and `headText`.
  O(1). Writes the head, which expires after `keep`.
]]
local call = redis.call
local now = tonumber(ARGV[3])
-- The id of the data set: a server that restarts or is promoted gets a new one, and may lack events.
local lineage = "-"
if ARGV[2] == "reset" then
  local info = redis.pcall("INFO", "replication")
  if type(info) == "string" then lineage = string.match(info, "master_replid:(%x+)") or "-" end
end
if not now then
  local time = call("TIME")
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local epoch, known, lastHead = string.match(call("GET", KEYS[1]) or "", "^(%x+) (%S+) (%d+)$")
lastHead = tonumber(lastHead or 0)
if not epoch then
  epoch, known = ARGV[4], lineage
elseif lineage ~= "-" and known ~= lineage then
  if known ~= "-" then epoch = ARGV[4] end
  known = lineage
end
-- Stored, because a clock that is set back must not give an event a position that a client has already passed.
local head = math.max(lastHead, now * 1024)
local headText = string.format("%.0f", head)
call("SET", KEYS[1], epoch .. " " .. known .. " " .. headText, "PX", ARGV[1])
