-- Measures how long turns have been running, and drops those whose lease is gone.
-- KEYS: running, lease...
-- ARGV: turn...
-- Returns the milliseconds of each turn that is still leased.
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
