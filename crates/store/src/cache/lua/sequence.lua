-- The sequence as it stands. Written back even when it is there: a Redis that refuses writes (full, or
-- a read-only replica) is of no use, and should say so now.
-- KEYS: sequence.
local sequence = redis.call('GET', KEYS[1])
if not sequence then
  local time = redis.call('TIME')
  sequence = string.format('%.0f', time[1] * 1000000 + time[2])
end
redis.call('SET', KEYS[1], sequence)
return sequence
