--[[
  Stores jobs with BullMQ's scripts and puts them into the lines of their tenants, in order. Prefix, clock, charge and ttl as in fair.lua.

  ARGV[4]  tenants  number of tenants
  ARGV[5]  jobs     number of jobs
  ARGV[6..n]        per tenant: tenant, weight, cap, backlog limit, limit and ms of the rate (0 without)
                    per job:    id, arguments of BullMQ's add script (msgpack), data, options (msgpack), index of the tenant from 1,
                                class (0 high, 1 normal, 2 low), cost, ms since the epoch at which it is due or 0,
                                deduplication key or ""

  Returns per job: 0 and its id when it was stored | 1 and the id of the first | 2 and the backlog when the tenant has too many.
  O(jobs log jobs). Jobs last until they are finished or removed, deduplication keys as long as their options say.
]]
local at = 6
local known = {}
for i = 1, tonumber(ARGV[4]) do
  local tid = ARGV[at]
  local t = tenant_of(tid)
  t.w, t.c, t.b = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  t.ql, t.qw = tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
  place(tid, t)
  known[i] = tid
  at = at + 6
end

local STANDARD = { WAIT, q .. "paused", q .. "meta", q .. "id", q .. "completed", DELAYED, ACTIVE, EVENTS, q .. "marker" }
local LATER = { q .. "marker", q .. "meta", q .. "id", DELAYED, q .. "completed", EVENTS }

-- The id of the job that stands for this one already.
local function first_of(id, key)
  if rcall("EXISTS", q .. id) == 1 then return id end
  return key ~= "" and rcall("GET", key) or nil
end

local function add_now(id, args, tid, class, cost)
  local first = addStandardJob(STANDARD, args)
  local pushed = rcall("LPOP", WAIT)
  if pushed == id then
    stage(tid, id, class, cost)
    return 0, id
  end
  if pushed then rcall("LPUSH", WAIT, pushed) end
  return 1, first
end

local function add_later(id, args, tid, due, key)
  local first = first_of(id, key)
  if first then return 1, first end
  first = addDelayedJob(LATER, args)
  if first ~= id then return 1, first end
  delay(tid, id, due)
  return 0, id
end

local reply = {}
for i = 1, tonumber(ARGV[5]) do
  local id, tid, key = ARGV[at], known[tonumber(ARGV[at + 4])], ARGV[at + 8]
  local t, due = tenant_of(tid), tonumber(ARGV[at + 7])
  local args = { ARGV[at + 1], ARGV[at + 2], ARGV[at + 3] }
  local outcome, value
  if t.n + t.x >= t.b then
    local first = first_of(id, key)
    outcome, value = first and 1 or 2, first or t.n + t.x
  elseif due > now then
    outcome, value = add_later(id, args, tid, due, key)
  else
    outcome, value = add_now(id, args, tid, tonumber(ARGV[at + 5]), tonumber(ARGV[at + 6]))
  end
  reply[2 * i - 1], reply[2 * i] = outcome, value
  at = at + 9
end
save()
return reply
