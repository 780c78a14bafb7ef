--[[
  Cancels jobs: a waiting or delayed one does not run; one that runs is marked, and its settlement is the cancellation. Prefix, clock,
  charge and ttl as in fair.lua.

  ARGV[4]  finished      number of cancelled jobs that are kept
  ARGV[5]  finished age  ms for which they are kept
  ARGV[6..n]             ids

  Largest input: 100 jobs.
  Returns per job: 0 cancelled | 1 cancelling | 2 finished before | 3 unknown. O(jobs log jobs). Marks last as long as the slot.
]]
local reply = {}
for i = 6, #ARGV do reply[#reply + 1] = cancel_job(ARGV[i], false, ARGV[4], ARGV[5]) end
save()
return reply
