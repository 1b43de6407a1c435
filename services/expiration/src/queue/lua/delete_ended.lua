-- Deletes jobs that have ended.
-- KEYS: set of ended jobs, hash of job data. ARGV: key prefix of the jobs' metadata, limit. Returns the number of jobs.
local ended = redis.call('spop', KEYS[1], ARGV[2])
for _, id in ipairs(ended) do
  redis.call('hdel', KEYS[2], id)
  redis.call('del', ARGV[1] .. ':' .. id)
end
return #ended
