--[[
  The scheduler of ../fairness/scheduler.ts in Lua, with the same decisions, and the lines of jobs that it decides about. It is no
  operation: create-scripts.ts puts it between BullMQ's own scripts, as functions, and the operation that uses them.

  KEYS[1]  prefix of the queue's keys, with their hash tag: BullMQ's own, and these:
           fair:ring     zset: tenants that may start a job, by round
           fair:parked   zset: tenants that may later, by ms since the epoch; a tenant in it may have no reason to be any more
           fair:state    hash: n jobs in lines, v round of the last tenant that left the ring, e average ms of the queue's jobs,
                          sw the last tenant that was looked at for names without a record
           fair:owners   hash: slots in use by job: flag, charge, start, token and tenant, see pack_owner
           fair:tenants  zset: tenants with a record, all with score 0, to list them by name
           fair:t:<t>    string: the record of tenant t, doubles as FIELDS names them
           fair:l:<t>    zset: the line of tenant t, job ids by place
           fair:d:<t>    zset: delayed jobs of tenant t, by ms since the epoch
           fair:x:<t>    zset: dead jobs of tenant t, by ms since the epoch
           fair:i:<t>    zset: deduplication ids of tenant t, by ms since the epoch at which they end; expires with the last
           fair:c        zset: cancelled jobs, by ms since the epoch
           fair:ready    list: the job that is being fetched; empty between two scripts
  ARGV[1]  now     ms since the epoch, or "" to use this server's clock (the default outside tests)
  ARGV[2]  charge  "count" | "time"
  ARGV[3]  ttl     ms after which the record of a tenant without jobs expires

  Each function is O(log jobs + log tenants). `save` writes what changed; an operation calls it at its end. Lines and delayed jobs
  last as long as their jobs; records of tenants without jobs expire.
  Largest input: that of the operation.
]]
local rcall = redis.call
local q = KEYS[1]
-- Stands for msgpack in BullMQ's scripts: they are called from here, and take tables as they are.
local as_is = { unpack = function(value) return value end }
local now = tonumber(ARGV[1])
if not now then
  local time = rcall("TIME")
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local by_time, idle_ttl = ARGV[2] == "time", ARGV[3]

local QUANTUM, FIRST_ESTIMATE, LEAST_COST, CLASS = 1 / 64, 10, 0.01, 2 ^ 50
local RING, PARKED, STATE, OWNERS = q .. "fair:ring", q .. "fair:parked", q .. "fair:state", q .. "fair:owners"
local READY, NONE = q .. "fair:ready", q .. "fair:none"
local WAIT, ACTIVE, EVENTS, DELAYED = q .. "wait", q .. "active", q .. "events", q .. "delayed"

-- w weight, c cap, b backlog limit, ql and qw limit and ms of the rate (0 without), d credit, r round, f in flight, n jobs in the
-- line, x delayed jobs, p 1 paused, u parked until, k tokens, ka ms of the tokens, i 1 in the ring, s last place at the end of
-- the line, h last place at its head, e average ms.
local FIELDS = { "w", "c", "b", "ql", "qw", "d", "r", "f", "n", "x", "p", "u", "k", "ka", "i", "s", "h", "e" }
local FORMAT = "<" .. string.rep("d", #FIELDS)
local EMPTY = { w = 1, c = math.huge, b = math.huge, ql = 0, qw = 0, d = QUANTUM, r = 0, f = 0, n = 0, x = 0, p = 0,
  u = 0, k = -1, ka = 0, i = 0, s = 0, h = 0, e = 0 }

local tenants, changed, staged = {}, {}, 0
local queue_average

local function unpack_tenant(packed)
  local t = {}
  if packed then
    t.w, t.c, t.b, t.ql, t.qw, t.d, t.r, t.f, t.n, t.x, t.p, t.u, t.k, t.ka, t.i, t.s, t.h, t.e =
      struct.unpack(FORMAT, packed)
  else
    for field, value in pairs(EMPTY) do t[field] = value end
    t.is_new = true
  end
  return t
end

local function tenant_of(tid)
  local t = tenants[tid]
  if not t then
    t = unpack_tenant(rcall("GET", q .. "fair:t:" .. tid))
    tenants[tid] = t
  end
  return t
end

-- Reads the records of several tenants in one call. `wanted` has their names as keys.
local function load_tenants(wanted)
  local names, keys = {}, {}
  for tid in pairs(wanted) do
    if not tenants[tid] then
      names[#names + 1] = tid
      keys[#keys + 1] = q .. "fair:t:" .. tid
    end
  end
  if #keys == 0 then return end
  local packed = rcall("MGET", unpack(keys))
  for i, tid in ipairs(names) do tenants[tid] = unpack_tenant(packed[i]) end
end

-- Deficit round robin, see ../fairness/credit.ts. True when the round changed.
local function charge(t, amount)
  local per_round, credit = t.w * QUANTUM, t.d - amount
  local rounds = 0
  if credit <= 0 then
    rounds = math.floor(-credit / per_round) + 1
  elseif credit > per_round then
    rounds = 1 - math.ceil(credit / per_round)
  end
  t.d = credit + rounds * per_round
  t.r = t.r + rounds
  return rounds ~= 0
end

-- The token bucket of ../fairness/rate.ts.
local function refill(t)
  if t.k < 0 then
    t.k = t.ql
  else
    t.k = math.min(t.ql, t.k + (math.max(now - t.ka, 0) * t.ql) / t.qw)
  end
  t.ka = now
end

local function ready_at(t)
  if t.ql == 0 then return now end
  local tokens = t.ql
  if t.k >= 0 then tokens = math.min(t.ql, t.k + (math.max(now - t.ka, 0) * t.ql) / t.qw) end
  if tokens >= 1 - 1e-9 then return now end
  return now + math.ceil(((1 - tokens) * t.qw) / t.ql)
end

local function wake_workers() rcall("ZADD", q .. "marker", 0, "0") end

local function current_round()
  local head = rcall("ZRANGE", RING, 0, 0, "WITHSCORES")
  return tonumber(head[2]) or tonumber(rcall("HGET", STATE, "v")) or 0
end

-- The time from which the tenant may start a job; infinite when that is for other reasons than time.
local function wake_of(t)
  if t.n > 0 and t.p == 0 and t.f < t.c then return math.max(t.u, ready_at(t)) end
  return math.huge
end

-- Puts the tenant into the ring, among the parked, or nowhere, as its state demands. `moved` says that its round changed;
-- `round` is the current one when the caller knows it.
local function place(tid, t, moved, round)
  changed[tid] = t
  local wake = wake_of(t)
  if wake > now then
    if t.i == 1 then
      rcall("HSET", STATE, "v", string.format("%.17g", round or current_round()))
      rcall("ZREM", RING, tid)
      t.i = 0
    end
    if wake < math.huge then
      rcall("ZADD", PARKED, wake, tid)
      rcall("ZADD", q .. "marker", "LT", wake, "1")
    end
  elseif t.i == 0 then
    local round = current_round()
    if t.r <= round then t.r, t.d = round + 1, t.w * QUANTUM end
    rcall("ZADD", RING, t.r, tid)
    t.i = 1
    wake_workers()
  elseif moved then
    rcall("ZADD", RING, t.r, tid)
  end
end

-- A member of a line is the id, followed by a space and its cost when that is not 1.
local function member_of(id, cost) return cost and cost ~= 1 and id .. " " .. string.format("%.17g", cost) or id end

local function job_of(member)
  local id, cost = string.match(member, "^(%S+) (%S+)$")
  if id then return id, tonumber(cost) end
  return member, 1
end

-- Fields of a job that its line needs: tn tenant, pc class, co cost when it is not 1. Nil for a job that is gone.
local function read_opts(id)
  local opts = rcall("HGET", q .. id, "opts")
  if not opts then return nil end
  opts = cjson.decode(opts)
  if not opts.tn then opts.tn = "" end
  -- A priority of BullMQ's own lies between normal and low.
  if not opts.pc then
    local priority = tonumber(rcall("HGET", q .. id, "priority")) or 0
    opts.pc = priority > 0 and 2 + priority / 2 ^ 21 or 1
  end
  return opts
end

-- Puts a job into the line of its tenant; at the head of it when `front`. With `lines` the caller writes the line, see write_lines.
local function stage(tid, id, class, cost, front, lines)
  local t = tenant_of(tid)
  if t.n == 0 then t.s, t.h = 0, 0 end
  local at
  if front then
    t.h = t.h - 1
    at = t.h
  else
    t.s = t.s + 1
    at = class * CLASS + t.s
  end
  if lines then
    local line = lines[tid] or {}
    lines[tid] = line
    line[#line + 1] = at
    line[#line + 1] = member_of(id, cost)
  else
    rcall("ZADD", q .. "fair:l:" .. tid, at, member_of(id, cost))
  end
  t.n = t.n + 1
  staged = staged + 1
  place(tid, t)
end

-- Takes a job off its line. False when it is not in it.
local function unstage(tid, id, cost)
  local line, removed = q .. "fair:l:" .. tid, 0
  removed = rcall("ZREM", line, member_of(id, cost))
  if removed == 0 then return false end
  local t = tenant_of(tid)
  t.n = t.n - 1
  staged = staged - 1
  place(tid, t)
  return true
end

local function undelay(tid, id)
  if rcall("ZREM", q .. "fair:d:" .. tid, id) == 0 then return end
  local t = tenant_of(tid)
  t.x = math.max(t.x - 1, 0)
  changed[tid] = t
end

local function delay(tid, id, due)
  if rcall("ZADD", q .. "fair:d:" .. tid, due, id) == 0 then return end
  local t = tenant_of(tid)
  t.x = t.x + 1
  changed[tid] = t
end

local function restage(id, front)
  local opts = read_opts(id)
  if not opts then return end
  undelay(opts.tn, id)
  stage(opts.tn, id, opts.pc, opts.co, front)
end

-- Moves what BullMQ's scripts put into `wait` and `prioritized` to the lines, up to `limit` jobs. Nothing is fetched from there.
local function sort_arrivals(fronts, limit)
  for _ = 1, limit or 1000 do
    local id = rcall("RPOP", WAIT)
    if not id then break end
    if string.sub(id, 1, 2) ~= "0:" then restage(id, fronts and fronts[id]) end
  end
  local prioritized = rcall("ZPOPMIN", q .. "prioritized", 1000)
  for i = 1, #prioritized, 2 do restage(prioritized[i]) end
end

-- Moves delayed jobs that are due to the lines, up to 200 in one script.
local function promote_due()
  local due = rcall("ZRANGEBYSCORE", DELAYED, 0, (now + 1) * 4096 - 1, "LIMIT", 0, 200)
  if #due == 0 then return end
  rcall("ZREM", DELAYED, unpack(due))
  for _, id in ipairs(due) do
    rcall("XADD", EVENTS, "*", "event", "waiting", "jobId", id, "prev", "delayed")
    if rcall("EXISTS", q .. id) == 1 then rcall("HSET", q .. id, "delay", 0, "du", now) end
    restage(id)
  end
end

-- Lets tenants back into the ring whose pause by rate or back-off is over.
local function wake_parked()
  local due = rcall("ZRANGEBYSCORE", PARKED, "-inf", now, "LIMIT", 0, 16)
  for _, tid in ipairs(due) do
    rcall("ZREM", PARKED, tid)
    place(tid, tenant_of(tid))
  end
end

-- Slots are read once and written by `save`. flag: 0 runs, 1 is to be cancelled, 2 is to be purged.
local owners, taken, freed = {}, {}, {}

local function unpack_owner(packed)
  local flag, charged, start, length, at = struct.unpack("<BddH", packed)
  return { flag = flag, charged = charged, start = start, token = string.sub(packed, at, at + length - 1),
    tid = string.sub(packed, at + length) }
end

local function read_owners(ids)
  if #ids == 0 then return end
  local packed = rcall("HMGET", OWNERS, unpack(ids))
  for i, id in ipairs(ids) do owners[id] = packed[i] and unpack_owner(packed[i]) or false end
end

local function owner_of(id)
  if owners[id] == nil then read_owners({ id }) end
  return owners[id]
end

local function take_slot(id, owner)
  owners[id], taken[id], freed[id] = owner, owner, nil
end

-- Redis' Lua passes at most about 8000 values to one function.
local function call_in_parts(command, key, values)
  for from = 1, #values, 4000 do
    rcall(command, key, unpack(values, from, math.min(from + 3999, #values)))
  end
end

local function save_owners()
  local gone, held = {}, {}
  for id in pairs(freed) do gone[#gone + 1] = id end
  for id, owner in pairs(taken) do
    held[#held + 1] = id
    held[#held + 1] = struct.pack("<BddH", owner.flag, owner.charged, owner.start, #owner.token) .. owner.token .. owner.tid
  end
  call_in_parts("HDEL", OWNERS, gone)
  call_in_parts("HSET", OWNERS, held)
end

local function average_of_queue()
  if not queue_average then queue_average = tonumber(rcall("HGET", STATE, "e")) or 0 end
  return queue_average
end

-- The tenants at the head of the ring, 16 at most, and whether there are more.
local function heads_of_ring()
  local found, heads = rcall("ZRANGE", RING, 0, 15, "WITHSCORES"), {}
  for i = 1, #found, 2 do heads[#heads + 1] = { tid = found[i], round = tonumber(found[i + 1]) } end
  return heads, #heads == 16
end

local function is_before(a, b)
  if a.round == b.round then return a.tid < b.tid end
  return a.round < b.round
end

-- Takes the first job off the tenant's line, and a slot for it.
local function pick_of(tid, t)
  local popped = rcall("ZPOPMIN", q .. "fair:l:" .. tid)
  if not popped[1] then return nil end
  local id, cost = job_of(popped[1])
  local charged = math.max(cost, LEAST_COST)
  if by_time then charged = t.e > 0 and t.e or average_of_queue() end
  if charged == 0 then charged = FIRST_ESTIMATE end
  t.n, t.f, staged = t.n - 1, t.f + 1, staged - 1
  if t.ql > 0 then
    refill(t)
    t.k = math.max(t.k - 1, 0)
  end
  charge(t, charged)
  return { id = id, tid = tid, charged = charged, member = popped[1], at = popped[2] }
end

-- Picks up to `count` jobs in the order of their tenants' turns. The head of the ring is kept here meanwhile; what changed in it
-- is written once for each tenant.
local function pick(count)
  local picks, moved = {}, {}
  local heads, has_more = heads_of_ring()
  local function write_ring()
    local entries = {}
    for tid, t in pairs(moved) do
      entries[#entries + 1] = t.r
      entries[#entries + 1] = tid
    end
    if #entries > 0 then rcall("ZADD", RING, unpack(entries)) end
    moved = {}
  end
  while #picks < count do
    local last = heads[#heads]
    local head = table.remove(heads, 1)
    if not head then break end
    local t = tenant_of(head.tid)
    local picked = pick_of(head.tid, t)
    changed[head.tid] = t
    if picked then
      picks[#picks + 1] = picked
    else
      -- The line is shorter than the record says: another program removed it.
      staged = staged - t.n
      t.n = 0
    end
    if wake_of(t) > now then
      moved[head.tid] = nil
      place(head.tid, t, false, head.round)
    else
      moved[head.tid] = t
      head.round = t.r
      if not has_more or is_before(head, last) then
        local at = 1
        while heads[at] and is_before(heads[at], head) do at = at + 1 end
        table.insert(heads, at, head)
      end
    end
    if #heads == 0 and has_more then
      write_ring()
      heads, has_more = heads_of_ring()
    end
  end
  write_ring()
  return picks
end

local function unpick(picked)
  local t = tenant_of(picked.tid)
  rcall("ZADD", q .. "fair:l:" .. picked.tid, picked.at, picked.member)
  t.n, t.f, staged = t.n + 1, t.f - 1, staged + 1
  if t.ql > 0 then t.k = t.k + 1 end
  place(picked.tid, t, charge(t, -picked.charged))
end

-- Gives back the slot of a job and bills its time.
local function settle_slot(id, owner, used)
  owners[id], taken[id], freed[id] = false, nil, true
  local t = tenant_of(owner.tid)
  t.f = math.max(t.f - 1, 0)
  local moved = false
  if by_time then
    used = math.max(used, LEAST_COST)
    moved = charge(t, used - owner.charged)
    t.e = t.e > 0 and t.e + (used - t.e) / 8 or used
    local average = average_of_queue()
    queue_average = average > 0 and average + (used - average) / 8 or used
  end
  place(owner.tid, t, moved)
end

local function save()
  save_owners()
  local records = {}
  for tid, t in pairs(changed) do
    local key = q .. "fair:t:" .. tid
    local packed = struct.pack(FORMAT, t.w, t.c, t.b, t.ql, t.qw, t.d, t.r, t.f, t.n, t.x, t.p, t.u, t.k, t.ka, t.i,
      t.s, t.h, t.e)
    if t.n == 0 and t.f == 0 and t.x == 0 and t.p == 0 then
      rcall("SET", key, packed, "PX", idle_ttl)
    else
      records[#records + 1] = key
      records[#records + 1] = packed
    end
    if t.is_new then rcall("ZADD", q .. "fair:tenants", 0, tid) end
  end
  for from = 1, #records, 4000 do rcall("MSET", unpack(records, from, math.min(from + 3999, #records))) end
  if staged ~= 0 then rcall("HINCRBY", STATE, "n", staged) end
  if queue_average then rcall("HSET", STATE, "e", string.format("%.17g", queue_average)) end
end
