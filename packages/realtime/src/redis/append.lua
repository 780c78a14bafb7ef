--[[
  Appends events to the streams of their topics, and notifies the subscribers of each topic.

  KEYS[i]  four for each event:
    [1]    string: the tenant's history, "<epoch> <lineage> <head>"
    [2]    stream: the events of the topic; its name is also the channel
    [3]    string: the newest event of the topic, "<epoch> <position>"
    [4]    string: the event that was published with this id, "<epoch> <position>"
  ARGV[1]  events   of a topic that are kept at least
  ARGV[2]  ttl      ms after its last event for which a topic is kept
  ARGV[3]  keep     ms for which a tenant's history is kept
  ARGV[4]  dedupe   ms for which an id is remembered
  ARGV[5]  command  PUBLISH, or SPUBLISH on a cluster with sharded channels
  ARGV[6]  restart  as in history.lua
  ARGV[7]  now      ms since epoch, or "" for the clock of the server
  ARGV[i]  from 8 on three for each event:
    candidate       epoch, 32 hexadecimal digits, for a tenant without one
    body            JSON on one line
    hasId           "1" when KEYS[4] counts

  A position is ms * 1024 at least, and greater than every earlier one of the tenant. An entry has the fields e (epoch),
  p (position of the topic's event before) and b (body). The message is "<epoch> <position> <p> <body>".

  Largest input: 64 events of 512 kB in all.
  The lineage is the id of the server's data set. Every read compares it (history.lua) and begins a new epoch on another server; an
  append keeps the epoch of a history that exists, because to ask for the id costs as much as all the rest. No client depends on
  events in the old epoch: whatever leads one to another server makes it read first, and then it gets a reset.

  Returns two strings for each event: its epoch and position, or "" and the error. All keys of one event share a hash tag.
  O(1) for each event. Streams and tails expire after `ttl`, histories after `keep`, ids after `dedupe`.
]]
local call, format, match = redis.call, string.format, string.match
local events, ttl, keep, dedupe = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local command, now = ARGV[5], tonumber(ARGV[7])

if not now then
  local time = call("TIME")
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Read once and written once for all events of this call.
local histories, topics = {}, {}

local function newHistory(epoch)
  local info = ARGV[6] == "reset" and redis.pcall("INFO", "replication")
  local lineage = type(info) == "string" and match(info, "master_replid:(%x+)") or "-"
  return { epoch = epoch, lineage = lineage, head = 0 }
end

local function openHistory(value, candidate)
  local epoch, lineage, head = match(value or "", "^(%x+) (%S+) (%d+)$")
  if not epoch then return newHistory(candidate) end
  return { epoch = epoch, lineage = lineage, head = tonumber(head) }
end

local function openTopic(stream, tailKey, value, tenant)
  local epoch, position = match(value or "", "^(%x+) (%d+)$")
  if not epoch then
    local last = call("XREVRANGE", stream, "+", "-", "COUNT", 1)[1]
    if last then epoch, position = last[2][2], match(last[1], "^%d+") end
  end
  if epoch and epoch ~= tenant.epoch then
    call("DEL", stream)
    epoch = nil
  end
  -- Events of the topic that a client has not got may have expired, up to this position.
  if not epoch then position = format("%.0f", math.max(0, math.min(tenant.head, (now - ttl) * 1024))) end
  return { tail = position, tailKey = tailKey, tenant = tenant }
end

local function append(at, candidate, body, hasId)
  local historyKey, stream, tailKey, idKey = KEYS[at], KEYS[at + 1], KEYS[at + 2], KEYS[at + 3]
  local tenant, found = histories[historyKey], topics[stream]
  if hasId or not tenant or not found then
    local values = call("MGET", historyKey, tailKey, idKey)
    if hasId and values[3] then return match(values[3], "^(%x+) (%d+)$") end
    tenant = tenant or openHistory(values[1], candidate)
    histories[historyKey] = tenant
    found = found or openTopic(stream, tailKey, values[2], tenant)
    topics[stream] = found
  end
  local epoch, previous = tenant.epoch, found.tail
  local position = math.max(tenant.head + 1, now * 1024)
  local text = format("%.0f", position)
  call("XADD", stream, "MAXLEN", "~", events, text .. "-0", "e", epoch, "p", previous, "b", body)
  tenant.head, tenant.isChanged, found.tail, found.isChanged = position, true, text, true
  if hasId then call("SET", idKey, epoch .. " " .. text, "PX", dedupe) end
  call(command, stream, epoch .. " " .. text .. " " .. previous .. " " .. body)
  return epoch, text
end

local reply = {}
for i = 0, #KEYS / 4 - 1 do
  local arg = 8 + i * 3
  local ok, epoch, position = pcall(append, i * 4 + 1, ARGV[arg], ARGV[arg + 1], ARGV[arg + 2] == "1")
  if not ok then
    position = type(epoch) == "table" and epoch.err or tostring(epoch)
    epoch = ""
  end
  reply[#reply + 1] = epoch
  reply[#reply + 1] = position
end
for stream, found in pairs(topics) do
  if found.isChanged then
    call("PEXPIRE", stream, ttl)
    call("SET", found.tailKey, found.tenant.epoch .. " " .. found.tail, "PX", ttl)
  end
end
for key, tenant in pairs(histories) do
  if tenant.isChanged then
    call("SET", key, tenant.epoch .. " " .. tenant.lineage .. " " .. format("%.0f", tenant.head), "PX", keep)
  end
end
return reply
