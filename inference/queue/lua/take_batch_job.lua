-- Takes a batch job and notes that it runs.
-- KEYS: waiting batch jobs, requests, running.
-- ARGV: entry of the list, id.
-- Returns its request; false when another worker has taken it, or it is done or was withdrawn.
if redis.call('LREM', KEYS[1], 1, ARGV[1]) == 0 then return false end
local request = redis.call('HGET', KEYS[2], ARGV[2])
if request then redis.call('ZADD', KEYS[3], redis.call('TIME')[1], ARGV[2]) end
return request
