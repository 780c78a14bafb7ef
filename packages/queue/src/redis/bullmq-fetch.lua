--[[
  Fetches the next job for a worker of BullMQ's own, in the order of the scheduler; with moveToFinished after the slot of the job
  that ended was given back. Create it with one of those scripts as the function `bullmq`. Prefix, clock, charge and ttl as in
  fair.lua.

  KEYS[2..n]  BullMQ's keys: `wait` is the first, `delayed` the seventh
  ARGV[4]     script  active: moveToActive | finished: moveToFinished
  ARGV[5..n]          BullMQ's arguments

  Largest input: one job.
  Returns what BullMQ's script returns; the time of the next due job when no job may start. O(log jobs).
]]
local keys, args = {}, {}
for i = 2, #KEYS do keys[i - 1] = KEYS[i] end
for i = 5, #ARGV do args[i - 4] = ARGV[i] end
local is_active = ARGV[4] == "active"
local opts = cmsgpack.unpack(args[is_active and 3 or 8])

promote_due()
sort_arrivals()
wake_parked()

if not is_active then
  local id = args[1]
  local owner = owner_of(id)
  if owner and owner.token == opts["token"] then
    settle_slot(id, owner, now - owner.start)
    if owner.flag > 0 then
      leave_active(id)
      keep_cancelled(id, true, "0", "0")
      save()
      return -1
    end
  end
end

local picked = (is_active or args[6] == "1") and pick(1)[1] or nil
local result
if picked then
  rcall("RPUSH", READY, picked.id)
  keys[1], keys[7] = READY, NONE
elseif not is_active then
  args[6] = "0"
end
if picked or not is_active then result = bullmq(keys, args, cmsgpack) end

local fetched = type(result) == "table" and type(result[1]) == "table" and result[2]
if fetched then
  local tid, charged = picked and picked.tid, picked and picked.charged
  if not picked or fetched ~= picked.id then
    tid, charged = (read_opts(fetched) or { tn = "" }).tn, 0
    local t = tenant_of(tid)
    t.f = t.f + 1
    place(tid, t)
  end
  take_slot(fetched, { flag = 0, charged = charged, start = now, token = opts["token"], tid = tid })
end
if picked and picked.id ~= fetched then unpick(picked) end
for _, id in ipairs(rcall("LRANGE", READY, 0, -1)) do
  if not picked or id ~= picked.id then restage(id) end
end
rcall("DEL", READY)
sort_arrivals()
save()
if result then return result end
local wake = rcall("ZRANGE", DELAYED, 0, 0, "WITHSCORES")[2]
wake = wake and math.floor(wake / 4096) or 0
local parked = tonumber(rcall("ZRANGE", PARKED, 0, 0, "WITHSCORES")[2])
if parked and (wake == 0 or parked < wake) then wake = parked end
return { 0, 0, 0, wake }
