"""What must happen in Redis at once or not at all, in Lua.

Every time in here is Redis' own. Keys come through KEYS; inference/queue/keys.py names them.
"""

# The line is a sorted set of turns. Who stands before whom is start-time fair queuing (Goyal, Vin,
# Cheng 1996) with a turn as the unit: a player's turns are counted in rounds, one turn in each; a
# new turn joins the round that is being told now, or the one after the player's last. So somebody
# who plays in a hundred windows gets one turn in each round, as everybody does. Within a round
# the first to come is the first: a score is ROUND * round + arrival.
ROUND = 1_000_000_000

MOST_RINGS = 100  # of a narrator's bell that nobody has heard

# Where a player's next turn would stand. KEYS: waiting, order, player's round. ARGV: ROUND.
PLACE = """
local round = math.max(tonumber(redis.call('HGET', KEYS[2], 'round') or '0'),
                       tonumber(redis.call('GET', KEYS[3]) or '0'))
local before = string.format('(%.0f', (round + 1) * tonumber(ARGV[1]))
return redis.call('ZCOUNT', KEYS[1], '-inf', before)
"""

# Lets a turn wait, and says where it stands. One that waits already keeps its place; one that was
# broken off goes before all others.
# The bell is rung once for each turn that comes, but not more often than MOST_RINGS while nobody
# hears it: whoever does tells all that wait.
# KEYS: waiting, requests, order, player's round, bell. ARGV: ROUND, turn, request, again, memory s.
ENQUEUE = """
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
if not redis.call('ZSCORE', KEYS[1], ARGV[2]) then
  local round = tonumber(redis.call('HGET', KEYS[3], 'round') or '0')
  local arrival = 0
  if ARGV[4] == '' then
    round = math.max(round, tonumber(redis.call('GET', KEYS[4]) or '0'))
    redis.call('SET', KEYS[4], round + 1, 'EX', ARGV[5])
    arrival = redis.call('HINCRBY', KEYS[3], 'arrivals', 1) % tonumber(ARGV[1])
  end
  redis.call('ZADD', KEYS[1], string.format('%.0f', round * tonumber(ARGV[1]) + arrival), ARGV[2])
  if redis.call('LLEN', KEYS[5]) < MOST_RINGS then
    redis.call('LPUSH', KEYS[5], 1)
    redis.call('EXPIRE', KEYS[5], ARGV[5])
  end
end
return redis.call('ZRANK', KEYS[1], ARGV[2])
""".replace("MOST_RINGS", str(MOST_RINGS))

# Forgets the requests of turns that do not wait, which a Redis that was full may have left behind.
# KEYS: waiting, requests.
TIDY = """
local gone = 0
for _, turn in ipairs(redis.call('HKEYS', KEYS[2])) do
  if not redis.call('ZSCORE', KEYS[1], turn) then
    gone = gone + redis.call('HDEL', KEYS[2], turn)
  end
end
return gone
"""

# Ends a turn from outside. One that was still waiting gives its player's round back. What puts it
# into the line again, too late (a message that came twice, a sweep that began before), is in vain.
# KEYS: lease, running, waiting, requests, revoked, player's round.
# ARGV: ROUND, turn, attempt, memory s.
REVOKE = """
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[5], ARGV[3], 'EX', ARGV[4])
redis.call('ZREM', KEYS[2], ARGV[2])
local score = redis.call('ZSCORE', KEYS[3], ARGV[2])
if score then
  local round = math.floor(tonumber(score) / tonumber(ARGV[1]))
  if tonumber(redis.call('GET', KEYS[6]) or '0') == round + 1 then
    redis.call('SET', KEYS[6], round, 'KEEPTTL')
  end
end
redis.call('ZREM', KEYS[3], ARGV[2])
redis.call('HDEL', KEYS[4], ARGV[2])
"""

# For how many milliseconds each turn under way has been told. One whose lease is gone is not.
# KEYS: running, lease... ARGV: turn...
RUNNING = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local elapsed = {}
for i, turn in ipairs(ARGV) do
  if redis.call('EXISTS', KEYS[i + 1]) == 1 then
    elapsed[#elapsed + 1] = now - tonumber(redis.call('ZSCORE', KEYS[1], turn) or now)
  else
    redis.call('ZREM', KEYS[1], turn)
  end
end
return elapsed
"""

# Which turn is next, and its adventure. What nobody can tell leaves the line: the sweep brings the
# turn back, or ends it. Where nothing waits, what the bell still holds is about turns taken before.
# KEYS: waiting, requests, bell, those switched off. ARGV: narrator.
NEXT = """
if redis.call('SISMEMBER', KEYS[4], ARGV[1]) == 1 then return false end
while true do
  local turn = redis.call('ZRANGE', KEYS[1], 0, 0)[1]
  if not turn then
    redis.call('DEL', KEYS[3])
    return false
  end
  local readable, given = pcall(cjson.decode, redis.call('HGET', KEYS[2], turn) or '')
  if readable and type(given) == 'table' and type(given.adventure) == 'string' then
    return {turn, given.adventure}
  end
  redis.call('ZREM', KEYS[1], turn)
  redis.call('HDEL', KEYS[2], turn)
end
"""

# Takes the turn that is next, and logs that it has started. False when another one is next by now,
# or nobody may tell it. `telling` names this telling; it is fresh when Redis knows of no earlier
# one, so that words which a page may still show of one (Redis was emptied in mid-reply) are not its
# beginning.
# KEYS: waiting, requests, bell, those switched off, order, running, lease, started, revoked, end,
# log. ARGV: holder, lease ms, memory s, log entries, log s, ROUND, narrator, turn.
TAKE = """
local turn = ARGV[8]
if redis.call('SISMEMBER', KEYS[4], ARGV[7]) == 1 then return false end
if redis.call('ZRANGE', KEYS[1], 0, 0)[1] ~= turn then return false end
local score = redis.call('ZSCORE', KEYS[1], turn)
local request = redis.call('HGET', KEYS[2], turn)
redis.call('ZREM', KEYS[1], turn)
redis.call('HDEL', KEYS[2], turn)
if not request then return false end
local given = cjson.decode(request)
if given.attempt <= tonumber(redis.call('GET', KEYS[9]) or '0') then return false end
redis.call('HSET', KEYS[5], 'round', math.floor(tonumber(score) / tonumber(ARGV[6])))
local value = ARGV[1] .. ':' .. given.attempt
if not redis.call('SET', KEYS[7], value, 'NX', 'PX', ARGV[2]) then return false end
local before = redis.call('GET', KEYS[8]) or ''
local ended = redis.call('GET', KEYS[10]) or ''
redis.call('SET', KEYS[8], given.attempt, 'EX', ARGV[3])
local time = redis.call('TIME')
redis.call('ZADD', KEYS[6], time[1] * 1000 + math.floor(time[2] / 1000), turn)
if ended == '' then
  redis.call('XADD', KEYS[11], 'MAXLEN', '~', ARGV[4], '*', 'e', cjson.encode(
    {type='turn.started', turn=turn, attempt=given.attempt,
     telling=string.sub(ARGV[1], -8), fresh=(before == '')}))
  redis.call('EXPIRE', KEYS[11], ARGV[5])
end
return {request, value, before, ended}
"""

# Appends pieces of many replies: a script for each would cost more than what it does. Returns for
# each reply 1, or 0 when its lease is another's by now.
# KEYS: lease, log; lease, log; ...
# ARGV: log entries, log s; for each reply: value, number of events, event...
APPEND = """
local ours, at = {}, 3
for k = 1, #KEYS, 2 do
  local last = at + 1 + tonumber(ARGV[at + 1])
  if redis.call('GET', KEYS[k]) == ARGV[at] then
    for i = at + 2, last do
      redis.call('XADD', KEYS[k + 1], 'MAXLEN', '~', ARGV[1], '*', 'e', ARGV[i])
    end
    redis.call('EXPIRE', KEYS[k + 1], ARGV[2])
    ours[#ours + 1] = 1
  else
    ours[#ours + 1] = 0
  end
  at = last + 1
end
return ours
"""

# Keeps leases. Returns for each 1, or 0 when it is another's by now.
# KEYS: lease... ARGV: lease ms, value...
RENEW = """
local ours = {}
for k = 1, #KEYS do
  local held = redis.call('GET', KEYS[k]) == ARGV[k + 1]
  ours[k] = held and redis.call('PEXPIRE', KEYS[k], ARGV[1]) or 0
end
return ours
"""

# Logs the last pieces, keeps the Result, lets the lease go. Returns 0 when it is another's by now.
# KEYS: lease, log, end, running.
# ARGV: value, turn, log entries, log s, memory s, result, event...
FINISH = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
for i = 7, #ARGV do
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], '*', 'e', ARGV[i])
end
redis.call('EXPIRE', KEYS[2], ARGV[4])
redis.call('SET', KEYS[3], ARGV[6], 'EX', ARGV[5])
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[4], ARGV[2])
return 1
"""

# Lets a lease go without an end, so that the next attempt may start at once.
# KEYS: lease, running. ARGV: value, turn.
RELEASE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('ZREM', KEYS[2], ARGV[2])
return redis.call('DEL', KEYS[1])
"""

# Lets a lease go and puts its turn before all others in the line, so that another worker goes on.
# Returns 0 when it is another's by now.
# KEYS: lease, running, waiting, requests, order, bell. ARGV: value, turn, request, ROUND, memory s.
HAND_ON = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[2])
redis.call('HSET', KEYS[4], ARGV[2], ARGV[3])
local round = tonumber(redis.call('HGET', KEYS[5], 'round') or '0')
redis.call('ZADD', KEYS[3], string.format('%.0f', round * tonumber(ARGV[4])), ARGV[2])
redis.call('LPUSH', KEYS[6], 1)
redis.call('EXPIRE', KEYS[6], ARGV[5])
return 1
"""

# Puts the events of one change into the log and notes which version of the adventure it has seen.
# KEYS: log, version. ARGV: log entries, log s, version, event...
PUBLISH = """
for i = 4, #ARGV do
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'e', ARGV[i])
end
redis.call('EXPIRE', KEYS[1], ARGV[2])
if tonumber(ARGV[3]) > tonumber(redis.call('GET', KEYS[2]) or '-1') then
  redis.call('SET', KEYS[2], ARGV[3], 'EX', ARGV[2])
else
  redis.call('EXPIRE', KEYS[2], ARGV[2])
end
for i = 3, #KEYS do
  redis.call('EXPIRE', KEYS[i], ARGV[2])
end
"""

# Takes any job that waits for idle workers.
# KEYS: background.
TAKE_BACKGROUND = """
local adventure = redis.call('HRANDFIELD', KEYS[1])
if not adventure then return false end
local request = redis.call('HGET', KEYS[1], adventure)
redis.call('HDEL', KEYS[1], adventure)
return request
"""

# Takes a job of bulk work and notes that it is being told. Nothing where another worker has it by
# now, or where it is done or was taken back.
# KEYS: batch line, jobs, told. ARGV: name, id.
TAKE_BATCH = """
if redis.call('LREM', KEYS[1], 1, ARGV[1]) == 0 then return false end
local request = redis.call('HGET', KEYS[2], ARGV[2])
if request then redis.call('ZADD', KEYS[3], redis.call('TIME')[1], ARGV[2]) end
return request
"""

# Notes that a worker lives, and how it does.
# KEYS: workers, worker. ARGV: name, seconds, stats.
BEAT = """
local now = tonumber(redis.call('TIME')[1])
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[2])
redis.call('SET', KEYS[2], ARGV[3], 'EX', ARGV[2])
"""
