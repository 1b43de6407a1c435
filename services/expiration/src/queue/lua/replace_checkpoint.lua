-- Compare and set.
-- KEYS: the value. ARGV: the expected value (empty: none), the new value. Returns the stored value.
local value = redis.call('get', KEYS[1]) or ''
if value == ARGV[1] then
  value = ARGV[2]
  redis.call('set', KEYS[1], value)
end
return value
