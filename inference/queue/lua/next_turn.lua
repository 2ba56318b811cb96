-- Finds the turn that is next. Entries whose request cannot be read leave the queue: the sweep
-- enqueues their turns again or ends them. Where no turn waits, pending wake-ups are stale.
-- KEYS: waiting, requests, wake-ups, narrators switched off.
-- ARGV: narrator.
-- Returns the turn and its adventure; false when none waits or the narrator is switched off.
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
