-- Which turn is next, and its adventure. What nobody can tell leaves the line: the sweep brings the
-- turn back, or ends it. Where nothing waits, what the bell still holds is about turns taken before.
-- KEYS: waiting, requests, bell, those switched off. ARGV: narrator.
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
