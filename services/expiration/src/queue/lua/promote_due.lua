-- Moves due jobs from the scheduled set to the list that workers fetch from.
-- KEYS: scheduled set, active list. ARGV: due time (seconds), limit. Returns the number of jobs.
local due = redis.call('zrangebyscore', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
if #due > 0 then
  redis.call('rpush', KEYS[2], unpack(due))
  redis.call('zrem', KEYS[1], unpack(due))
end
return #due
