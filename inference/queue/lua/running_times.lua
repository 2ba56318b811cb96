-- For how many milliseconds each turn under way has been told. One whose lease is gone is not.
-- KEYS: running, lease... ARGV: turn...
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local elapsed = {}
for i, turn in ipairs(ARGV) do
  if redis.call('EXISTS', KEYS[i + 1]) == 1 then
    elapsed[#elapsed + 1] = now - tonumber(redis.call('ZSCORE', KEYS[1], turn) or now)
  else
    redis.call('ZREM', KEYS[1], turn)
  end
end
return elapsed
