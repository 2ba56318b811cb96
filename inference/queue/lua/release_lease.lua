-- Releases a lease without an end, so that the next attempt may start at once.
-- KEYS: lease, running.
-- ARGV: lease value, turn.
-- Returns 1, or 0 when the lease was lost.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('ZREM', KEYS[2], ARGV[2])
return redis.call('DEL', KEYS[1])
