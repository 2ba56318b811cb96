-- Takes the turn that is next, and logs that it has started. False when another one is next by now,
-- or nobody may tell it. `telling` names this telling; it is fresh when Redis knows of no earlier
-- one, so that words which a page may still show of one (Redis was emptied in mid-reply) are not its
-- beginning.
-- KEYS: waiting, requests, bell, those switched off, order, running, lease, started, revoked, end,
-- log. ARGV: holder, lease ms, memory s, log entries, log s, ROUND, narrator, turn.
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
