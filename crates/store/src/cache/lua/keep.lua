-- Keeps a snapshot that was read from the store when the sequence stood at ARGV[1], unless its person
-- or company was withdrawn since.
-- KEYS: snapshot, sequence, mark of the company, mark of the person.
-- ARGV: sequence before the read, snapshot, milliseconds it lives, milliseconds a mark lives,
-- company, person (as the marks are named).
local sequence = redis.call('GET', KEYS[2])
for i = 3, 4 do
  local mark = redis.call('GET', KEYS[i])
  -- Without a mark only a sequence that stood still proves that nothing was withdrawn.
  if mark and tonumber(mark) > tonumber(ARGV[1]) or not mark and sequence ~= ARGV[1] then return 0 end
end
for i = 3, 4 do
  redis.call('SET', KEYS[i], ARGV[1], 'NX', 'PX', ARGV[4])
  redis.call('PEXPIRE', KEYS[i], ARGV[4])
end
redis.call('HSET', KEYS[1], 'read_at', ARGV[1], 'account', ARGV[2], 'company', ARGV[5], 'user', ARGV[6])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
