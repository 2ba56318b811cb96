-- Appends the events of one change to the log and stores the adventure's version, if it is newer.
-- KEYS: log, version, end... (of turns that have ended: they expire with the log).
-- ARGV: log entries, log s, version, event...
-- Returns nothing.
for i = 4, #ARGV do
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'e', ARGV[i])
end
redis.call('EXPIRE', KEYS[1], ARGV[2])
if tonumber(ARGV[3]) > tonumber(redis.call('GET', KEYS[2]) or '-1') then
  redis.call('SET', KEYS[2], ARGV[3], 'EX', ARGV[2])
else
  redis.call('EXPIRE', KEYS[2], ARGV[2])
end
for i = 3, #KEYS do
  redis.call('EXPIRE', KEYS[i], ARGV[2])
end
