-- Ends a turn from outside. A turn that was still waiting gives its player's round back. The revoked
-- attempt stays refused when a late message or sweep enqueues it again.
-- KEYS: lease, running, waiting, requests, revoked, player's round.
-- ARGV: ROUND, turn, attempt, memory s.
-- Returns nothing.
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
