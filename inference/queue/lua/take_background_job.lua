-- Takes one summary job at random.
-- KEYS: background.
-- Returns its request; false when there is none.
local adventure = redis.call('HRANDFIELD', KEYS[1])
if not adventure then return false end
local request = redis.call('HGET', KEYS[1], adventure)
redis.call('HDEL', KEYS[1], adventure)
return request
