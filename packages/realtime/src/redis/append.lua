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

  The lineage is the id of the server's data set. Every read compares it (history.lua) and begins a new epoch on another server; an
  append keeps the epoch of a history that exists, because to ask for the id costs Redis a sixth of an append. No client depends on
  events in the old epoch: whatever leads one to another server makes it read first, and then it gets a reset.

  Largest input: 64 events of 512 kB in all.
  Returns two strings for each event: its epoch and position, or "" and the error. All keys of one event share a hash tag.
  O(1) for each event. Streams and tails expire after `ttl`, histories after `keep`, ids after `dedupe`.
]]
local call, attempt, format, match = redis.call, redis.pcall, string.format, string.match
local events, ttl, keep, dedupe = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local command, now = ARGV[5], tonumber(ARGV[7])
if not now then
  local time = call("TIME")
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local function openHistory(key, candidate)
  local epoch, lineage, head = match(call("GET", key) or "", "^(%x+) (%S+) (%d+)$")
  if epoch then return { epoch = epoch, lineage = lineage, head = tonumber(head) } end
  local info = ARGV[6] == "reset" and attempt("INFO", "replication")
  lineage = type(info) == "string" and match(info, "master_replid:(%x+)") or "-"
  return { epoch = candidate, lineage = lineage, head = 0 }
end

-- Returns the topic with the position of its newest event, or nothing and the error of the server.
local function openTopic(stream, tailKey, tenant)
  local epoch, position = match(call("GET", tailKey) or "", "^(%x+) (%d+)$")
  if not epoch then
    local last = attempt("XREVRANGE", stream, "+", "-", "COUNT", 1)
    if last.err then return nil, last.err end
    if last[1] then epoch, position = last[1][2][2], match(last[1][1], "^%d+") end
  end
  if epoch and epoch ~= tenant.epoch then
    call("DEL", stream)
    epoch = nil
  end
  -- Events of the topic that a client has not got may have expired, up to this position.
  if not epoch then position = format("%.0f", math.max(0, math.min(tenant.head, (now - ttl) * 1024))) end
  return { tail = position, tailKey = tailKey, tenant = tenant }
end

local function earlierEvent(idKey)
  local earlier = call("GET", idKey)
  if earlier then return match(earlier, "^(%x+) (%d+)$") end
end

-- Read once and written once for all events of this call.
local histories, topics, reply = {}, {}, {}

-- Returns the epoch and position of the event, or "" and the error of the server.
local function append(tenant, stream, tailKey, body)
  local topic, failed = topics[stream], nil
  if not topic then
    topic, failed = openTopic(stream, tailKey, tenant)
    if failed then return "", failed end
  end
  local position = math.max(tenant.head + 1, now * 1024)
  local text, previous = format("%.0f", position), topic.tail
  local added = attempt("XADD", stream, "MAXLEN", "~", events, text .. "-0", "e", tenant.epoch, "p", previous, "b", body)
  if type(added) == "table" then return "", added.err end
  call(command, stream, tenant.epoch .. " " .. text .. " " .. previous .. " " .. body)
  tenant.head, tenant.isChanged, topic.tail, topics[stream] = position, true, text, topic
  return tenant.epoch, text
end

for at = 1, #KEYS, 4 do
  local historyKey, arg = KEYS[at], 8 + (at - 1) / 4 * 3
  local hasId = ARGV[arg + 2] == "1"
  local epoch, position
  if hasId then epoch, position = earlierEvent(KEYS[at + 3]) end
  if not epoch then
    local tenant = histories[historyKey] or openHistory(historyKey, ARGV[arg])
    histories[historyKey] = tenant
    epoch, position = append(tenant, KEYS[at + 1], KEYS[at + 2], ARGV[arg + 1])
    if hasId and epoch ~= "" then call("SET", KEYS[at + 3], epoch .. " " .. position, "PX", dedupe) end
  end
  reply[#reply + 1] = epoch
  reply[#reply + 1] = position
end
for stream, topic in pairs(topics) do
  call("PEXPIRE", stream, ttl)
  call("SET", topic.tailKey, topic.tenant.epoch .. " " .. topic.tail, "PX", ttl)
end
for key, tenant in pairs(histories) do
  if tenant.isChanged then
    call("SET", key, tenant.epoch .. " " .. tenant.lineage .. " " .. format("%.0f", tenant.head), "PX", keep)
  end
end
return reply
