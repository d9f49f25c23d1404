-- Takes one from every bucket, or from none. The arithmetic is that of limit.rs, in microseconds, by
-- the caller's clock.
-- KEYS: buckets. ARGV: now, then burst and period of each bucket.
-- Answers {1 or 0, the moment at which each bucket was full before this attempt ...}.
local now = tonumber(ARGV[1])
local answer, charged = {1}, {}
for i, key in ipairs(KEYS) do
  local burst, period = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local stored = tonumber(redis.call('GET', key) or now)
  local arrival = math.min(math.max(stored, now), now + burst * period)
  answer[i + 1] = arrival
  charged[i] = arrival + period
  if charged[i] - now > burst * period then answer[1] = 0 end
end
if answer[1] == 1 then
  for i, key in ipairs(KEYS) do
    local life = string.format('%.0f', math.ceil((charged[i] - now) / 1000))
    redis.call('SET', key, string.format('%.0f', charged[i]), 'PX', life)
  end
end
return answer
