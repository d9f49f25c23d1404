-- Gives one back to each bucket that exists; one that does not is full.
-- KEYS: buckets. ARGV: period of each bucket in microseconds.
for i, key in ipairs(KEYS) do
  local arrival = redis.call('GET', key)
  if arrival then
    redis.call('SET', key, string.format('%.0f', arrival - ARGV[i]), 'KEEPTTL')
  end
end
