-- Counts the waiting turns that a player's next turn would come after.
-- KEYS: waiting, order, player's round.
-- ARGV: ROUND.
-- Returns that number.
local round = math.max(tonumber(redis.call('HGET', KEYS[2], 'round') or '0'),
                       tonumber(redis.call('GET', KEYS[3]) or '0'))
local before = string.format('(%.0f', (round + 1) * tonumber(ARGV[1]))
return redis.call('ZCOUNT', KEYS[1], '-inf', before)
