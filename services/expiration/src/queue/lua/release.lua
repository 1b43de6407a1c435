-- Releases the jobs that a stopped worker still holds, and deletes the worker.
-- KEYS: its inflight set, active list, set of workers, its metadata. ARGV: its name. Returns the number of jobs.
local held = redis.call('smembers', KEYS[1])
for first = 1, #held, 1000 do
  redis.call('rpush', KEYS[2], unpack(held, first, math.min(first + 999, #held)))
end
redis.call('del', KEYS[1], KEYS[4])
redis.call('zrem', KEYS[3], ARGV[1])
return #held
