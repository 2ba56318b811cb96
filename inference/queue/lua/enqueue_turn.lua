-- Enqueues a turn. One that waits already keeps its place; a later attempt goes before all others.
-- Each turn wakes one worker, up to ARGV[6] pending wake-ups: a worker takes all turns that wait.
-- KEYS: waiting, requests, order, player's round, wake-ups.
-- ARGV: ROUND, turn, request, "" or "again", memory s, most wake-ups.
-- Returns the turn's position, 0 is next.
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
  if redis.call('LLEN', KEYS[5]) < tonumber(ARGV[6]) then
    redis.call('LPUSH', KEYS[5], 1)
    redis.call('EXPIRE', KEYS[5], ARGV[5])
  end
end
return redis.call('ZRANK', KEYS[1], ARGV[2])
