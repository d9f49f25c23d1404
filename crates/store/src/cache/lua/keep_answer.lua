-- Keeps an answer, and lets go those that were used longest ago where all together would take too much.
-- KEYS: answer, answers by use, their sizes. ARGV: id, answer, most bytes of all, milliseconds it
-- lives, what the names of answers begin with.
local function forget(id)
  redis.call('DEL', ARGV[5] .. id)
  redis.call('ZREM', KEYS[2], id)
  local size = redis.call('HGET', KEYS[3], id)
  if size then
    redis.call('HINCRBY', KEYS[3], 'total', -size)
    redis.call('HDEL', KEYS[3], id)
  end
end
forget(ARGV[1])
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[4])
redis.call('ZADD', KEYS[2], redis.call('HINCRBY', KEYS[3], 'clock', 1), ARGV[1])
redis.call('HSET', KEYS[3], ARGV[1], #ARGV[2])
redis.call('HINCRBY', KEYS[3], 'total', #ARGV[2])
while tonumber(redis.call('HGET', KEYS[3], 'total')) > tonumber(ARGV[3]) do
  local oldest = redis.call('ZRANGE', KEYS[2], 0, 0)[1]
  if not oldest then break end
  forget(oldest)
end
return 1
