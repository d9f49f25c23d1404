-- Withdraws every snapshot of a person or a company, and tells all replicas.
-- KEYS: sequence, mark. ARGV: channel, scope, milliseconds a mark lives.
--
-- The sequence follows the clock but never repeats, so that a Redis which lost its memory does not
-- start again among numbers that snapshots still carry. The message names the number before its own:
-- a listener that did not have it has missed something.
local before = redis.call('GET', KEYS[1]) or '0'
local time = redis.call('TIME')
local sequence = string.format('%.0f', math.max(tonumber(before) + 1, time[1] * 1000000 + time[2]))
redis.call('SET', KEYS[1], sequence)
redis.call('SET', KEYS[2], sequence, 'PX', ARGV[3])
redis.call('PUBLISH', ARGV[1], before .. ' ' .. sequence .. ' ' .. ARGV[2])
return sequence
