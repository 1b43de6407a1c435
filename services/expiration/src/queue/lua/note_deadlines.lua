-- Notes the deadlines of orders without a job. Those of the others were noted before, and may have been met since.
-- KEYS: sorted set of deadlines, hash of job data. ARGV: triples of a job's id, its order's id and the deadline.
for i = 1, #ARGV, 3 do
  if redis.call('hexists', KEYS[2], ARGV[i]) == 0 then
    redis.call('zadd', KEYS[1], ARGV[i + 2], ARGV[i + 1])
  end
end
