--[[
  Publishes a heartbeat: a message that proves that messages arrive. The key of the call only selects the node of a Cluster
  that publishes it. No key is read or written.

  ARGV[1]  channel
  ARGV[2]  message

  Largest input: one message.

  Returns the number of subscribers on this node that received it. O(1).
]]
return redis.call("PUBLISH", ARGV[1], ARGV[2])
