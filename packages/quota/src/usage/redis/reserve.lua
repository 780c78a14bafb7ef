--[[
  Holds units of several counts of one tenant, or uses them at once: of all counts or of none (see ../rules.ts).
  An id that is held, used or committed is admitted again without new units. An id that was released, or whose hold
  expired, is decided anew. A call without an id that was sent again is admitted again. A call that was cancelled does
  nothing.

  KEYS[i]  two for each count, all in one slot:
           hash    base, own      units of earlier epochs, and units committed in the current epoch
                   version        number of changes of `own`
                   held           units of all holds
                   reached        largest part of the limit that was published, in 10,000ths
                   epoch, flushed see hydrate.lua and mark-flushed.lua
                   credit:<id>    units of a credit, see credit.lua
           zset    holds: member "<units>:<id>", score ms since the epoch at which it expires
  KEYS[n]  the last one, in the same slot: string. For a call without an id "1" carried out or "x" cancelled, for an id the
           lines of its record:
                   kind of the call, metrics and units; "" for an id that was committed without a reservation
                   names of the calls that were told of the units, each with a blank, "*" for too many
                   names of the calls that were cancelled, each with a blank
                   for each metric "<metric>:<h held | u used | c committed | r released>:<units>:
                                    <ms of expiry | recorded>:<1 committed late | 0>:<period>"
  ARGV[1]  now     ms since the epoch, or "" for this server's clock (the default outside tests)
  ARGV[2]  id      "" for a use without one
  ARGV[3]  ttl     ms of the hold, "0" to use the units at once
  ARGV[4]  keep    ms for which the last key is kept
  ARGV[5]  ledger  "1": a count without an epoch is reported and nothing happens; "0": it starts from 0
  ARGV[6]  call    name of this call
  ARGV[7]  record  of the id, as it is once a new call has used its units at once; for a reservation without the lines of
                   metrics; "1" without an id
  ARGV[i]  from the eighth, for each count: units, max, ms from now for which hash and zset are kept, thresholds as
           "<units> <part of the limit in 10,000ths> ...", ascending, metric, period

  Returns {-1, i, ...} with the counts that have no epoch, from 1 | {-2} cancelled | {-3, params} the id has other units |
  {1 admitted | 0, then for each count: 1 had room | 2 knew the call | 0 no room, used, held, part published before,
  then for each count: period that has the units, "" for that of the call}.
  Largest input: 16 counts, of whose expired holds 2,048 are dropped. The others count until the next call.
  O(counts + expired holds + metrics of the id). Writes admitted units, and drops expired holds. Every key that is written
  expires.
]]
local call, argv, keys = redis.call, ARGV, KEYS
local text = function(n) return string.format("%.0f", n) end
local known_now = tonumber(argv[1])
-- Most uses need no time.
local function now()
  if not known_now then
    local time = call("TIME")
    known_now = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  return known_now
end
local id, ttl, keep, name, record = argv[2], tonumber(argv[3]), argv[4], argv[6] .. " ", keys[#keys]
local n, counts, missing = (#keys - 1) / 2, {}, {-1}
for i = 1, n do
  local state = call("HMGET", keys[i * 2 - 1], "base", "own", "held", "reached", "epoch", "version")
  if argv[5] == "1" and not state[5] then missing[#missing + 1] = i end
  counts[i] = state
end
if #missing > 1 then return missing end

-- The line of count i in the record, once its units are held or used.
local expiry = ttl > 0 and text(now() + ttl)
local function line(i)
  local a = i * 6 + 2
  local units = argv[a]
  local is = expiry and ":h:" .. units .. ":" .. expiry or ":u:" .. units .. ":" .. units
  return "\n" .. argv[a + 4] .. is .. ":0:" .. argv[a + 5]
end

-- Most calls are new: one command reads and writes their record.
local new = argv[7]
for i = 1, expiry and n or 0 do new = new .. line(i) end
local known = call("SET", record, new, "PX", keep, "NX", "GET")
-- By count: the period that has the units of the id.
local elsewhere, index, restart, calls, gone = {}, {}, false, "", ""
if known == "x" then return {-2} end
if known and id == "" then
  for i = 1, n do elsewhere[i] = argv[i * 6 + 7] end
elseif known then
  local params
  params, calls, gone = string.match(known, "^([^\n]*)\n([^\n]*)\n([^\n]*)")
  if string.find(gone, name, 1, true) then return {-2} end
  restart = params ~= "" and params ~= string.match(new, "^[^\n]*")
  for i = 1, n do index[argv[i * 6 + 6]] = i end
  for metric, is, units, till, period in string.gmatch(known, "\n([^\n:]*):(%a):(%d+):(%d+):%d:([^\n]*)") do
    local i = index[metric]
    local active = is == "c" or is == "u" or (is == "h" and tonumber(till) > now())
    -- The zset of a count, or of another period, may have been evicted without the record.
    if active and is == "h" and i and period == argv[i * 6 + 7] then
      active = call("ZSCORE", keys[i * 2], units .. ":" .. id)
    end
    if active and restart then return {-3, params} end
    if active and i then elsewhere[i] = period end
  end
end

local function sum(members)
  local units = 0
  for i = 1, #members do units = units + tonumber(string.match(members[i], "^%d+")) end
  return units
end

-- Bounds how long one call blocks the server, however many holds have expired at once.
local budget = 2048

-- Units of the holds that have not expired. A hash or a zset may have been evicted without the other.
local function held_of(before, holds)
  -- Holds of 0 units are dropped by the next reservation.
  if before == 0 and not expiry then return 0 end
  local at = text(now())
  local expired = call("ZRANGEBYSCORE", holds, "-inf", at, "LIMIT", 0, budget)
  budget = budget - #expired
  if #expired > 0 then call("ZREM", holds, unpack(expired)) end
  if not before then return sum(call("ZRANGE", holds, 0, -1)) end
  return before > 0 and call("EXISTS", holds) == 1 and before - sum(expired) or 0
end

local reply, fresh = {1}, 0
for i = 1, n do
  local state, a, r, status = counts[i], i * 6 + 2, i * 4 - 2, 0
  local used, held = (tonumber(state[1]) or 0) + (tonumber(state[2]) or 0), held_of(tonumber(state[3]), keys[i * 2])
  if elsewhere[i] then
    status = 2
  elseif used + held + argv[a] <= tonumber(argv[a + 1]) then
    status, fresh = 1, fresh + 1
  else
    reply[1] = 0
  end
  reply[r], reply[r + 1], reply[r + 2], reply[r + 3] = status, used, held, tonumber(state[4]) or 0
end

for i = 1, n do
  local state, holds, before, a, r = keys[i * 2 - 1], keys[i * 2], counts[i], i * 6 + 2, i * 4 - 2
  local held, takes = reply[r + 2], reply[1] == 1 and reply[r] == 1
  local was = tonumber(before[3])
  if takes and expiry then
    held = held + argv[a]
    reply[r + 2] = held
    call("ZADD", holds, expiry, argv[a] .. ":" .. id)
    call("PEXPIRE", holds, argv[a + 2])
    call("HSET", state, "held", text(held))
    call("PEXPIRE", state, argv[a + 2])
  elseif takes then
    local used, reached, thresholds = reply[r + 1] + argv[a], reply[r + 3], argv[a + 3]
    reply[r + 1] = used
    -- The lowest threshold comes first: most uses reach none.
    if used >= (tonumber(string.match(thresholds, "^%d+")) or math.huge) then
      for from, part in string.gmatch(thresholds, "(%d+) (%d+)") do
        if used >= tonumber(from) then reached = math.max(reached, tonumber(part)) end
      end
    end
    local own, version = (tonumber(before[2]) or 0) + argv[a], (tonumber(before[6]) or 0) + 1
    if was == held and reached == reply[r + 3] then
      call("HSET", state, "own", text(own), "version", text(version))
    else
      call("HSET", state, "own", text(own), "version", text(version), "held", text(held), "reached", text(reached))
    end
    call("PEXPIRE", state, argv[a + 2])
  elseif was and was ~= held then
    call("HSET", state, "held", text(held))
  end
end

if reply[1] == 0 then
  if not known then call("DEL", record) end
elseif known and id ~= "" then
  if fresh == n then calls = "" end
  local told = calls == "*" or string.find(calls, name, 1, true)
  if not told then calls = #calls > 200 and "*" or calls .. name end
  if fresh > 0 or not told then
    new = string.match(new, "^[^\n]*") .. "\n" .. calls .. "\n" .. gone
    for metric, state in string.gmatch(restart and "" or known, "\n([^\n:]*)(:[^\n]*)") do
      local i = index[metric]
      if not i or reply[i * 4 - 2] == 2 then new = new .. "\n" .. metric .. state end
    end
    for i = 1, n do
      if reply[i * 4 - 2] == 1 then new = new .. line(i) end
    end
    if fresh > 0 then call("SET", record, new, "PX", keep) else call("SET", record, new, "KEEPTTL") end
  end
end
for i = 1, n do reply[#reply + 1] = elsewhere[i] ~= argv[i * 6 + 7] and elsewhere[i] or "" end
return reply
