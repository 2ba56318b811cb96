-- Appends pieces of many replies to their logs, in one script since one for each would be slow.
-- KEYS: lease, log; lease, log; ...
-- ARGV: log entries, log s; for each reply: lease value, number of events, event...
-- Returns for each reply 1, or 0 when its lease was lost.
local ours, at = {}, 3
for k = 1, #KEYS, 2 do
  local last = at + 1 + tonumber(ARGV[at + 1])
  if redis.call('GET', KEYS[k]) == ARGV[at] then
    for i = at + 2, last do
      redis.call('XADD', KEYS[k + 1], 'MAXLEN', '~', ARGV[1], '*', 'e', ARGV[i])
    end
    redis.call('EXPIRE', KEYS[k + 1], ARGV[2])
    ours[#ours + 1] = 1
  else
    ours[#ours + 1] = 0
  end
  at = last + 1
end
return ours
