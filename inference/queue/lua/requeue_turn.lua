-- Releases a lease and puts its turn before all others in the queue, for another worker.
-- KEYS: lease, running, waiting, requests, order, wake-ups.
-- ARGV: lease value, turn, request, ROUND, memory s.
-- Returns 1, or 0 when the lease was lost.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[2])
redis.call('HSET', KEYS[4], ARGV[2], ARGV[3])
local round = tonumber(redis.call('HGET', KEYS[5], 'round') or '0')
redis.call('ZADD', KEYS[3], string.format('%.0f', round * tonumber(ARGV[4])), ARGV[2])
redis.call('LPUSH', KEYS[6], 1)
redis.call('EXPIRE', KEYS[6], ARGV[5])
return 1
