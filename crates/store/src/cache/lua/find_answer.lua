-- An answer, which is thereby the one used last. KEYS: answer, answers by use, their sizes. ARGV: id.
local answer = redis.call('GET', KEYS[1])
if answer then
  redis.call('ZADD', KEYS[2], 'XX', redis.call('HINCRBY', KEYS[3], 'clock', 1), ARGV[1])
end
return answer
