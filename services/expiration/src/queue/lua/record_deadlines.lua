-- Records the deadlines of orders without a job. Other orders' deadlines were recorded with their job; if one is
-- missing, the expiration has been published.
-- KEYS: sorted set of deadlines, hash of job data. ARGV: triples of job id, order id and deadline.
for i = 1, #ARGV, 3 do
  if redis.call('hexists', KEYS[2], ARGV[i]) == 0 then
    redis.call('zadd', KEYS[1], ARGV[i + 2], ARGV[i + 1])
  end
end
