--[[
  Sends a message that proves that messages arrive. The key of the call says which node of a Cluster sends it; nothing is
  read or written there.

  ARGV[1]  channel
  ARGV[2]  message

  Returns who got it on this node. O(1).
]]
return redis.call("PUBLISH", ARGV[1], ARGV[2])
