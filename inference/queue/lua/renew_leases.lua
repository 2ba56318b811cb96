-- Renews leases.
-- KEYS: lease...
-- ARGV: lease ms, lease value...
-- Returns for each lease 1, or 0 when it was lost.
local ours = {}
for k = 1, #KEYS do
  local held = redis.call('GET', KEYS[k]) == ARGV[k + 1]
  ours[k] = held and redis.call('PEXPIRE', KEYS[k], ARGV[1]) or 0
end
return ours
