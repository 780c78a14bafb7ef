// Written by scripts/generate/lua.mjs.
import type { Script } from "@scale/core/redis";

/** append.lua */
export const append: Script = {
  name: "append",
  sha1: "9bd38ec3091080c18bf25af277d80fedb0b4a9cb",
  source: "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\nlocal call, attempt, format, match = redis.call, redis.pcall, string.format, string.match\nlocal events, ttl, keep, dedupe = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]\nlocal command, now = ARGV[5], tonumber(ARGV[7])\nif not now then\n  local time = call(\"TIME\")\n  now = time[1] * 1000 + math.floor(time[2] / 1000)\nend\n\nlocal function openHistory(key, candidate)\n  local epoch, lineage, head = match(call(\"GET\", key) or \"\", \"^(%x+) (%S+) (%d+)$\")\n  if epoch then return { epoch = epoch, lineage = lineage, head = tonumber(head) } end\n  local info = ARGV[6] == \"reset\" and attempt(\"INFO\", \"replication\")\n  lineage = type(info) == \"string\" and match(info, \"master_replid:(%x+)\") or \"-\"\n  return { epoch = candidate, lineage = lineage, head = 0 }\nend\n\n\nlocal function openTopic(stream, tailKey, tenant)\n  local epoch, position = match(call(\"GET\", tailKey) or \"\", \"^(%x+) (%d+)$\")\n  if not epoch then\n    local last = attempt(\"XREVRANGE\", stream, \"+\", \"-\", \"COUNT\", 1)\n    if last.err then return nil, last.err end\n    if last[1] then epoch, position = last[1][2][2], match(last[1][1], \"^%d+\") end\n  end\n  if epoch and epoch ~= tenant.epoch then\n    call(\"DEL\", stream)\n    epoch = nil\n  end\n\n  if not epoch then position = format(\"%.0f\", math.max(0, math.min(tenant.head, (now - ttl) * 1024))) end\n  return { tail = position, tailKey = tailKey, tenant = tenant }\nend\n\nlocal function earlierEvent(idKey)\n  local earlier = call(\"GET\", idKey)\n  if earlier then return match(earlier, \"^(%x+) (%d+)$\") end\nend\n\n\nlocal histories, topics, reply = {}, {}, {}\n\n\nlocal function append(tenant, stream, tailKey, body)\n  local topic, failed = topics[stream], nil\n  if not topic then\n    topic, failed = openTopic(stream, tailKey, tenant)\n    if failed then return \"\", failed end\n  end\n  local position = math.max(tenant.head + 1, now * 1024)\n  local text, previous = format(\"%.0f\", position), topic.tail\n  local added = attempt(\"XADD\", stream, \"MAXLEN\", \"~\", events, text .. \"-0\", \"e\", tenant.epoch, \"p\", previous, \"b\", body)\n  if type(added) == \"table\" then return \"\", added.err end\n  call(command, stream, tenant.epoch .. \" \" .. text .. \" \" .. previous .. \" \" .. body)\n  tenant.head, tenant.isChanged, topic.tail, topics[stream] = position, true, text, topic\n  return tenant.epoch, text\nend\n\nfor at = 1, #KEYS, 4 do\n  local historyKey, arg = KEYS[at], 8 + (at - 1) / 4 * 3\n  local hasId = ARGV[arg + 2] == \"1\"\n  local epoch, position\n  if hasId then epoch, position = earlierEvent(KEYS[at + 3]) end\n  if not epoch then\n    local tenant = histories[historyKey] or openHistory(historyKey, ARGV[arg])\n    histories[historyKey] = tenant\n    epoch, position = append(tenant, KEYS[at + 1], KEYS[at + 2], ARGV[arg + 1])\n    if hasId and epoch ~= \"\" then call(\"SET\", KEYS[at + 3], epoch .. \" \" .. position, \"PX\", dedupe) end\n  end\n  reply[#reply + 1] = epoch\n  reply[#reply + 1] = position\nend\nfor stream, topic in pairs(topics) do\n  call(\"PEXPIRE\", stream, ttl)\n  call(\"SET\", topic.tailKey, topic.tenant.epoch .. \" \" .. topic.tail, \"PX\", ttl)\nend\nfor key, tenant in pairs(histories) do\n  if tenant.isChanged then\n    call(\"SET\", key, tenant.epoch .. \" \" .. tenant.lineage .. \" \" .. format(\"%.0f\", tenant.head), \"PX\", keep)\n  end\nend\nreturn reply\n",
};

/** count-presence.lua */
export const countPresence: Script = {
  name: "count-presence",
  sha1: "569a8bc143162fddf0d40862b099f7d701b2403d",
  source: "\n\n\n\n\n\n\n\n\nlocal call = redis.call\nlocal now = tonumber(ARGV[1])\nif not now then\n  local time = call(\"TIME\")\n  now = time[1] * 1000 + math.floor(time[2] / 1000)\nend\nlocal sum, fields = 0, call(\"HGETALL\", KEYS[1])\nfor i = 1, #fields, 2 do\n  local count, untilMs = string.match(fields[i + 1], \"^(%d+) (%d+)$\")\n  if count and tonumber(untilMs) > now then\n    sum = sum + tonumber(count)\n  else\n    call(\"HDEL\", KEYS[1], fields[i])\n  end\nend\nreturn sum\n",
};

/** history.lua */
export const history: Script = {
  name: "history",
  sha1: "2923e81cb2b9a7522f7779f9791ddd535944e8ce",
  source: "\n\n\n\n\n\n\n\n\n\n\n\n\nlocal call = redis.call\nlocal now = tonumber(ARGV[3])\n\nlocal lineage = \"-\"\nif ARGV[2] == \"reset\" then\n  local info = redis.pcall(\"INFO\", \"replication\")\n  if type(info) == \"string\" then lineage = string.match(info, \"master_replid:(%x+)\") or \"-\" end\nend\nif not now then\n  local time = call(\"TIME\")\n  now = time[1] * 1000 + math.floor(time[2] / 1000)\nend\n\nlocal epoch, known, lastHead = string.match(call(\"GET\", KEYS[1]) or \"\", \"^(%x+) (%S+) (%d+)$\")\nlastHead = tonumber(lastHead or 0)\nif not epoch then\n  epoch, known = ARGV[4], lineage\nelseif lineage ~= \"-\" and known ~= lineage then\n  if known ~= \"-\" then epoch = ARGV[4] end\n  known = lineage\nend\n\nlocal head = math.max(lastHead, now * 1024)\nlocal headText = string.format(\"%.0f\", head)\ncall(\"SET\", KEYS[1], epoch .. \" \" .. known .. \" \" .. headText, \"PX\", ARGV[1])\n",
};

/** read.lua */
export const read: Script = {
  name: "read",
  sha1: "44b061fc6bc2324a43bd602f292726778c695337",
  source: "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\nlocal ttl, limit, bytes, chunk = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])\nlocal epochOfCursor, after = ARGV[9], tonumber(ARGV[10])\n\nif epochOfCursor == \"\" then return { \"head\", epoch, headText, headText, 0 } end\nif epochOfCursor ~= epoch or after > head then return { \"unknown\", epoch, headText, headText, 0 } end\n\nlocal upTo, hasMore, found = head, 0, {}\n\n\nlocal function collect(i)\n  local last, count, size = string.format(\"%.0f\", after) .. \"-0\", 0, 0\n  while count < limit and size < bytes do\n    local asked = math.min(chunk, limit - count)\n    local entries = call(\"XRANGE\", KEYS[i], \"(\" .. last, \"+\", \"COUNT\", asked)\n    for n = 1, #entries do\n      local body = entries[n][2][6]\n      found[#found + 1] = { tonumber(string.match(entries[n][1], \"^%d+\")), i - 1, body }\n      size = size + #body\n    end\n    if #entries < asked then return end\n    count, last = count + asked, entries[asked][1]\n  end\n  upTo, hasMore = math.min(upTo, found[#found][1]), 1\nend\n\nfor i = 2, #KEYS do\n  local first = call(\"XRANGE\", KEYS[i], \"-\", \"+\", \"COUNT\", 1)[1]\n  local isCurrent = first and first[2][2] == epoch\n\n  local gone = math.min(lastHead, (now - ttl) * 1024)\n  if isCurrent then gone = tonumber(first[2][4]) end\n  if gone > after then return { \"trimmed\", epoch, headText, headText, 0 } end\n  if isCurrent then collect(i) end\nend\n\nlocal reply = { \"events\", epoch, headText, string.format(\"%.0f\", upTo), hasMore }\nfor n = 1, #found do\n  if found[n][1] <= upTo then\n    reply[#reply + 1] = string.format(\"%.0f\", found[n][1])\n    reply[#reply + 1] = found[n][2]\n    reply[#reply + 1] = found[n][3]\n  end\nend\nreturn reply\n",
};

/** set-presence.lua */
export const setPresence: Script = {
  name: "set-presence",
  sha1: "ee220b121896e8c109bb57e01fb521c51445c830",
  source: "\n\n\n\n\n\n\n\n\n\n\n\nlocal call = redis.call\nlocal now, ttl = tonumber(ARGV[3]), tonumber(ARGV[2])\nif not now then\n  local time = call(\"TIME\")\n  now = time[1] * 1000 + math.floor(time[2] / 1000)\nend\nfor i = 1, #KEYS do\n  local count = ARGV[i + 3]\n  if count == \"0\" then\n    call(\"HDEL\", KEYS[i], ARGV[1])\n  else\n    call(\"HSET\", KEYS[i], ARGV[1], count .. \" \" .. string.format(\"%.0f\", now + ttl))\n\n    call(\"PEXPIRE\", KEYS[i], ttl, \"NX\")\n    call(\"PEXPIRE\", KEYS[i], ttl, \"GT\")\n  end\nend\n",
};

/** tails.lua */
export const tails: Script = {
  name: "tails",
  sha1: "0ba245fcd6d3612ee50c97a15d7fbdd420d3af28",
  source: "\n\n\n\n\n\n\n\n\nlocal reply = { epoch, headText }\nfor i = 2, #KEYS do\n  local ofEpoch, position = string.match(call(\"GET\", KEYS[i]) or \"\", \"^(%x+) (%d+)$\")\n  reply[#reply + 1] = ofEpoch == epoch and position or \"0\"\nend\nreturn reply\n",
};
