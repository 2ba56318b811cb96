-- Stores a worker's heartbeat, and drops the workers whose heartbeat is older than ARGV[2].
-- KEYS: workers, worker.
-- ARGV: name, seconds, stats.
-- Returns nothing.
local now = tonumber(redis.call('TIME')[1])
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[2])
redis.call('SET', KEYS[2], ARGV[3], 'EX', ARGV[2])
