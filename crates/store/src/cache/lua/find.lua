-- A snapshot, if it is as new as the last withdrawal from its person and its company.
-- KEYS: snapshot, sequence. ARGV: prefix of the marks of withdrawals.
-- Answers {sequence, snapshot, milliseconds it has to live}; the snapshot is empty where none is good.
--
-- The marks belong to the owner, who is known only once the snapshot is read; all keys share one hash
-- tag, so they are on the same node. A missing mark means that Redis has forgotten, so the snapshot is
-- no longer vouched for.
local sequence = redis.call('GET', KEYS[2])
if not sequence then
  local time = redis.call('TIME')
  sequence = string.format('%.0f', time[1] * 1000000 + time[2])
  redis.call('SET', KEYS[2], sequence)
end
local found = redis.call('HMGET', KEYS[1], 'read_at', 'company', 'user', 'account')
if not found[4] then return {sequence, '', 0} end
for _, owner in ipairs({found[2], found[3]}) do
  local mark = redis.call('GET', ARGV[1] .. owner)
  if not mark or tonumber(mark) > tonumber(found[1]) then return {sequence, '', 0} end
end
return {sequence, found[4], redis.call('PTTL', KEYS[1])}
