--[[
  Appends events to the streams of their topics, and notifies the subscribers of each topic.

  KEYS[i]  three for each event:
    [1]    string: the tenant's history, "<epoch> <lineage> <head>"
    [2]    stream: the events of the topic; its name is also the channel
    [3]    string: the cursor of an event that was published with this id, "<epoch> <position>"
  ARGV[1]  events   of a topic that are kept at least
  ARGV[2]  ttl      ms after its last event for which a topic is kept
  ARGV[3]  keep     ms for which a tenant's history is kept
  ARGV[4]  dedupe   ms for which an id is remembered
  ARGV[5]  command  PUBLISH, or SPUBLISH on a cluster with sharded channels
  ARGV[6]  restart  "reset": events of a server that has restarted or failed over begin a new epoch; "resume": they do not
  ARGV[7]  now      ms since epoch, or "" for the clock of the server
  ARGV[i]  from 8 on three for each event:
    candidate       epoch, 32 hexadecimal digits, for a tenant without one
    body            JSON on one line
    hasId           "1" when KEYS[3] counts

  A position is ms * 1024 at least, and greater than every earlier one of the tenant. An entry has the fields e (epoch),
  p (position of the topic's event before) and b (body). The message is "<epoch> <position> <p> <body>".

  Returns two strings for each event: its epoch and position, or "" and the error. All keys of one event share a hash tag.
  O(1) for each event. Streams expire after `ttl`, histories after `keep`, ids after `dedupe`.
]]
local call = redis.call
local events, ttl, keep, dedupe = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local command, now = ARGV[5], tonumber(ARGV[7])

-- The id of the data set: a server that restarts or is promoted gets a new one, and may lack events.
local lineage = "-"
if ARGV[6] == "reset" then
  local info = redis.pcall("INFO", "replication")
  if type(info) == "string" then lineage = string.match(info, "master_replid:(%x+)") or "-" end
end
if not now then
  local time = call("TIME")
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local function history(key, candidate)
  local value = call("GET", key)
  local epoch, known, head
  if value then epoch, known, head = string.match(value, "^(%x+) (%S+) (%d+)$") end
  if not epoch then return candidate, lineage, 0 end
  if lineage == "-" or known == lineage then return epoch, known, tonumber(head) end
  if known == "-" then return epoch, lineage, tonumber(head) end
  return candidate, lineage, tonumber(head)
end

local function append(at, candidate, body, hasId)
  local key, stream, idKey = KEYS[at], KEYS[at + 1], KEYS[at + 2]
  if hasId then
    local earlier = call("GET", idKey)
    if earlier then return string.match(earlier, "^(%x+) (%d+)$") end
  end
  local epoch, known, head = history(key, candidate)
  local position = math.max(head + 1, now * 1024)
  local last = call("XREVRANGE", stream, "+", "-", "COUNT", 1)[1]
  local previous
  if last and last[2][2] == epoch then
    previous = string.match(last[1], "^%d+")
  else
    -- Events of the topic that a client has not got may have expired, up to this position.
    if last then call("DEL", stream) end
    previous = string.format("%.0f", math.max(0, math.min(head, (now - ttl) * 1024)))
  end
  local text = string.format("%.0f", position)
  call("XADD", stream, "MAXLEN", "~", events, text .. "-0", "e", epoch, "p", previous, "b", body)
  call("PEXPIRE", stream, ttl)
  call("SET", key, epoch .. " " .. known .. " " .. text, "PX", keep)
  if hasId then call("SET", idKey, epoch .. " " .. text, "PX", dedupe) end
  call(command, stream, epoch .. " " .. text .. " " .. previous .. " " .. body)
  return epoch, text
end

local reply = {}
for i = 0, #KEYS / 3 - 1 do
  local arg = 8 + i * 3
  local ok, epoch, position = pcall(append, i * 3 + 1, ARGV[arg], ARGV[arg + 1], ARGV[arg + 2] == "1")
  if not ok then
    position = type(epoch) == "table" and epoch.err or tostring(epoch)
    epoch = ""
  end
  reply[#reply + 1] = epoch
  reply[#reply + 1] = position
end
return reply
