--[[
  Reads the newest position of a tenant, and the events of topics after a cursor.

  KEYS[1]  string: the tenant's history, "<epoch> <lineage> <head>"
  KEYS[2..n]  stream: the events of each topic
  ARGV[1]  ttl        ms after its last event for which a topic is kept
  ARGV[2]  keep       ms for which the tenant's history is kept
  ARGV[3]  restart    as in append.lua
  ARGV[4]  now        ms since epoch, or "" for the clock of the server
  ARGV[5]  candidate  epoch for a tenant without one
  ARGV[6]  limit      events of each topic
  ARGV[7]  epoch      of the cursor, or "" to read the newest position only
  ARGV[8]  after      position of the cursor

  Largest input: 128 topics. 256 events are read, or those of 256 kB, and at least one of each topic that has one.
  Returns {is, epoch, head, upTo, hasMore 0|1, and for each event its position, topic (1 for KEYS[2]) and body}. `is` is "head",
  "events", "trimmed" or "unknown". Events are not sorted, and complete up to `upTo`. Positions are strings.
  Keys share a hash tag. O(topics + events). Writes the head, which expires after `keep`.
]]
local call = redis.call
local ttl, keep, now = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[4])
local limit, epochOfCursor, after = tonumber(ARGV[6]), ARGV[7], tonumber(ARGV[8])

local lineage = "-"
if ARGV[3] == "reset" then
  local info = redis.pcall("INFO", "replication")
  if type(info) == "string" then lineage = string.match(info, "master_replid:(%x+)") or "-" end
end
if not now then
  local time = call("TIME")
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local value = call("GET", KEYS[1])
local epoch, known, lastHead
if value then epoch, known, lastHead = string.match(value, "^(%x+) (%S+) (%d+)$") end
lastHead = tonumber(lastHead or 0)
if not epoch then
  epoch, known = ARGV[5], lineage
elseif lineage ~= "-" and known ~= lineage then
  if known ~= "-" then epoch = ARGV[5] end
  known = lineage
end
-- Stored, because a clock that is set back must not give an event a position that a client has already passed.
local head = math.max(lastHead, now * 1024)
local headText = string.format("%.0f", head)
call("SET", KEYS[1], epoch .. " " .. known .. " " .. headText, "PX", keep)

if epochOfCursor == "" then return { "head", epoch, headText, headText, 0 } end
if epochOfCursor ~= epoch or after > head then return { "unknown", epoch, headText, headText, 0 } end

-- Bounds how long one call blocks the server: each topic has its share. A topic with more events goes on in the next call.
local topics = #KEYS - 1
local share, bytes = math.max(1, math.min(limit, math.floor(256 / topics))), 262144 / topics

-- The events of a topic after the cursor, and whether there may be more.
local function events_of(key, from)
  local entries, size, step = {}, 0, 1
  while #entries < share and size < bytes do
    local count = math.min(step, share - #entries)
    local part = call("XRANGE", key, from, "+", "COUNT", count)
    for n = 1, #part do
      entries[#entries + 1] = part[n]
      size = size + #part[n][2][6]
    end
    if #part < count then return entries, false end
    from, step = "(" .. part[#part][1], step * 4
  end
  return entries, true
end

local upTo, hasMore, found = head, 0, {}
local start = "(" .. string.format("%.0f", after) .. "-0"
for i = 2, #KEYS do
  local first = call("XRANGE", KEYS[i], "-", "+", "COUNT", 1)[1]
  local isCurrent = first and first[2][2] == epoch
  -- The newest position of the topic's events that are gone.
  local gone = math.min(lastHead, (now - ttl) * 1024)
  if isCurrent then gone = tonumber(first[2][4]) end
  if gone > after then return { "trimmed", epoch, headText, headText, 0 } end
  local entries, isPart = {}, false
  if isCurrent then entries, isPart = events_of(KEYS[i], start) end
  for n = 1, #entries do
    found[#found + 1] = { tonumber(string.match(entries[n][1], "^%d+")), i - 1, entries[n][2][6] }
  end
  if isPart then
    upTo, hasMore = math.min(upTo, found[#found][1]), 1
  end
end

local reply = { "events", epoch, headText, string.format("%.0f", upTo), hasMore }
for n = 1, #found do
  if found[n][1] <= upTo then
    reply[#reply + 1] = string.format("%.0f", found[n][1])
    reply[#reply + 1] = found[n][2]
    reply[#reply + 1] = found[n][3]
  end
end
return reply
