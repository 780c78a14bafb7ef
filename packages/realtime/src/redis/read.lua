--[[
  Reads the newest position of a tenant, and the events of topics after a cursor. The history and its arguments are those of
  history.lua, which runs before it.

  KEYS[2..n]  stream: the events of each topic
  ARGV[5]  ttl     ms after its last event for which a topic is kept
  ARGV[6]  limit   events of each topic
  ARGV[7]  bytes   of the events of each topic; one call of XRANGE may go above it
  ARGV[8]  chunk   events of one call of XRANGE
  ARGV[9]  epoch   of the cursor, or "" to read the newest position only
  ARGV[10] after   position of the cursor

  Largest input: 128 topics. 256 events, or those of 256 kB, and a step of each topic that has one.
  Returns {is, epoch, head, upTo, hasMore 0|1, and for each event its position, topic (1 for KEYS[2]) and body}. `is` is "head",
  "events", "trimmed" or "unknown". Events are not sorted, and complete up to `upTo`. Positions are strings.
  Keys share a hash tag. O(topics + events).
]]
local ttl, limit, bytes, chunk = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local epochOfCursor, after = ARGV[9], tonumber(ARGV[10])

if epochOfCursor == "" then return { "head", epoch, headText, headText, 0 } end
if epochOfCursor ~= epoch or after > head then return { "unknown", epoch, headText, headText, 0 } end

local upTo, hasMore, found = head, 0, {}

-- Collects the events of one topic until it has none left, or the page has enough of it.
local function collect(i)
  local last, count, size = string.format("%.0f", after) .. "-0", 0, 0
  while count < limit and size < bytes do
    local asked = math.min(chunk, limit - count)
    local entries = call("XRANGE", KEYS[i], "(" .. last, "+", "COUNT", asked)
    for n = 1, #entries do
      local body = entries[n][2][6]
      found[#found + 1] = { tonumber(string.match(entries[n][1], "^%d+")), i - 1, body }
      size = size + #body
    end
    if #entries < asked then return end
    count, last = count + asked, entries[asked][1]
  end
  upTo, hasMore = math.min(upTo, found[#found][1]), 1
end

for i = 2, #KEYS do
  local first = call("XRANGE", KEYS[i], "-", "+", "COUNT", 1)[1]
  local isCurrent = first and first[2][2] == epoch
  -- The newest position of the topic's events that are gone.
  local gone = math.min(lastHead, (now - ttl) * 1024)
  if isCurrent then gone = tonumber(first[2][4]) end
  if gone > after then return { "trimmed", epoch, headText, headText, 0 } end
  if isCurrent then collect(i) end
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
