-- Takes a job of bulk work and notes that it is being told. Nothing where another worker has it by
-- now, or where it is done or was taken back.
-- KEYS: batch line, jobs, told. ARGV: name, id.
if redis.call('LREM', KEYS[1], 1, ARGV[1]) == 0 then return false end
local request = redis.call('HGET', KEYS[2], ARGV[2])
if request then redis.call('ZADD', KEYS[3], redis.call('TIME')[1], ARGV[2]) end
return request
