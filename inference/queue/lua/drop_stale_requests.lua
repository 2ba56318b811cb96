-- Deletes requests of turns that do not wait, which a Redis that was full may have left behind.
-- KEYS: waiting, requests.
-- Returns how many were deleted.
local gone = 0
for _, turn in ipairs(redis.call('HKEYS', KEYS[2])) do
  if not redis.call('ZSCORE', KEYS[1], turn) then
    gone = gone + redis.call('HDEL', KEYS[2], turn)
  end
end
return gone
