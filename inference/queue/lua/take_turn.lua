-- Leases the turn that is next and logs that it has started. In that event `telling` is the id of
-- this run. `fresh` says that Redis knows of no earlier attempt: a page then drops words that it
-- still shows of one (Redis was emptied in mid-reply).
-- KEYS: waiting, requests, wake-ups, narrators switched off, order, running, lease, started,
-- revoked, end, log.
-- ARGV: holder, lease ms, memory s, log entries, log s, ROUND, narrator, turn.
-- Returns request, lease value, earlier attempt or "", stored Result or ""; false when another turn
-- is next, or no worker may run this one.
local turn = ARGV[8]
if redis.call('SISMEMBER', KEYS[4], ARGV[7]) == 1 then return false end
if redis.call('ZRANGE', KEYS[1], 0, 0)[1] ~= turn then return false end
local score = redis.call('ZSCORE', KEYS[1], turn)
local request = redis.call('HGET', KEYS[2], turn)
redis.call('ZREM', KEYS[1], turn)
redis.call('HDEL', KEYS[2], turn)
if not request then return false end
local given = cjson.decode(request)
if given.attempt <= tonumber(redis.call('GET', KEYS[9]) or '0') then return false end
redis.call('HSET', KEYS[5], 'round', math.floor(tonumber(score) / tonumber(ARGV[6])))
local value = ARGV[1] .. ':' .. given.attempt
if not redis.call('SET', KEYS[7], value, 'NX', 'PX', ARGV[2]) then return false end
local before = redis.call('GET', KEYS[8]) or ''
local ended = redis.call('GET', KEYS[10]) or ''
redis.call('SET', KEYS[8], given.attempt, 'EX', ARGV[3])
local time = redis.call('TIME')
redis.call('ZADD', KEYS[6], time[1] * 1000 + math.floor(time[2] / 1000), turn)
if ended == '' then
  redis.call('XADD', KEYS[11], 'MAXLEN', '~', ARGV[4], '*', 'e', cjson.encode(
    {type='turn.started', turn=turn, attempt=given.attempt,
     telling=string.sub(ARGV[1], -8), fresh=(before == '')}))
  redis.call('EXPIRE', KEYS[11], ARGV[5])
end
return {request, value, before, ended}
