-- Moves jobs whose time has come from the scheduled set to the list that the worker takes from, in bounded steps.
-- KEYS: scheduled set, active list. ARGV: until when (seconds), how many at most. Gives how many.
local due = redis.call('zrangebyscore', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
if #due > 0 then
  redis.call('rpush', KEYS[2], unpack(due))
  redis.call('zrem', KEYS[1], unpack(due))
end
return #due
