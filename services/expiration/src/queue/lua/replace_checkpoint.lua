-- Replaces a value if it is still the expected one.
-- KEYS: the value. ARGV: the expected value (empty: none), the new one. Returns the value after that.
local value = redis.call('get', KEYS[1]) or ''
if value == ARGV[1] then
  value = ARGV[2]
  redis.call('set', KEYS[1], value)
end
return value
