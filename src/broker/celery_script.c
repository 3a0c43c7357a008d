#include "broker/celery_script.h"

#define NOW                              \
	"local t = redis.call('TIME')\n" \
	"local now = t[1] .. '.' .. string.format('%06d', t[2])\n"

#define STORE_RESULT                                                                        \
	"local function store(key, result, ttl)\n"                                          \
	"  if result == '' then return end\n"                                               \
	"  local before = redis.call('GET', key)\n"                                         \
	"  if before and string.find(before, '\"status\": ?\"SUCCESS\"') then return end\n" \
	"  redis.call('SETEX', key, ttl, result)\n"                                         \
	"  redis.call('PUBLISH', key, result)\n"                                            \
	"end\n"

const char broker_celery_script_claim[] = NOW
	"local most, largest, tail = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]\n"
	"local out = {}\n"
	"local function is_text(p)\n"
	"  if not string.find(p, '[\\128-\\255]') then return true end\n"
	"  for _, valid in ipairs({'[\\194-\\223][\\128-\\191]', "
	"'\\224[\\160-\\191][\\128-\\191]',\n"
	"      '[\\225-\\236\\238\\239][\\128-\\191][\\128-\\191]',\n"
	"      '\\237[\\128-\\159][\\128-\\191]', '\\240[\\144-\\191][\\128-\\191][\\128-\\191]',\n"
	"      '[\\241-\\243][\\128-\\191][\\128-\\191][\\128-\\191]',\n"
	"      '\\244[\\128-\\143][\\128-\\191][\\128-\\191]'}) do\n"
	"    p = string.gsub(p, valid, ' ')\n"
	"  end\n"
	"  return not string.find(p, '[\\128-\\255]')\n"
	"end\n"
	"local function message(p)\n"
	"  if #p > largest or not is_text(p) then return nil end\n"
	"  local ok, m = pcall(cjson.decode, p)\n"
	"  if ok and type(m) == 'table' and type(m.headers) == 'table' and\n"
	"      type(m.properties) == 'table' and\n"
	"      type(m.properties.delivery_info) == 'table' then return m end\n"
	"  return nil\n"
	"end\n"
	"local function receives(m, by)\n"
	"  local id = m.headers.id\n"
	"  if type(id) ~= 'string' or id == '' then id = m.properties.correlation_id end\n"
	"  if type(id) ~= 'string' or id == '' or #id > 255 then return 1 end\n"
	"  local n = redis.call('INCRBY', ARGV[4] .. id, by)\n"
	"  redis.call('EXPIRE', ARGV[4] .. id, ARGV[5])\n"
	"  return n\n"
	"end\n"
	"if ARGV[6] == '1' then\n"
	"  for i = 7, #ARGV do\n"
	"    local v = redis.call('HGET', KEYS[5], ARGV[i])\n"
	"    if v then\n"
	"      local p = string.sub(v, 2, #v - #tail)\n"
	"      redis.call('ZADD', KEYS[6], now, ARGV[i])\n"
	"      out[#out + 1] = {ARGV[i], p, receives(cjson.decode(p), 0), #p}\n"
	"    end\n"
	"  end\n"
	"  if #out > 0 then return out end\n"
	"end\n"
	/* An older claim that arrives late must not write over what these tags hold. */
	"if redis.call('HEXISTS', KEYS[5], ARGV[7]) == 1 then return out end\n"
	"for k = 1, 4 do\n"
	"  while #out < most do\n"
	"    local p = redis.call('RPOP', KEYS[k])\n"
	"    if not p then break end\n"
	"    local m, tag = message(p), ARGV[7 + #out]\n"
	"    if m then\n"
	"      redis.call('HSET', KEYS[5], tag, '[' .. p .. tail)\n"
	"      redis.call('ZADD', KEYS[6], now, tag)\n"
	"      out[#out + 1] = {tag, p, receives(m, 1), #p}\n"
	"    else\n"
	"      redis.call('LPUSH', KEYS[7], p)\n"
	"      out[#out + 1] = {'', #p > largest and '' or p, 1, #p}\n"
	"    end\n"
	"  end\n"
	"end\n"
	"return out\n";

const char broker_celery_script_extend[] =
	NOW "local out = {}\n"
	    "for i = 1, #ARGV do\n"
	    "  out[i] = redis.call('HEXISTS', KEYS[1], ARGV[i])\n"
	    "  if out[i] == 1 then redis.call('ZADD', KEYS[2], now, ARGV[i]) end\n"
	    "end\n"
	    "return out\n";

const char broker_celery_script_delay[] =
	"local t = redis.call('TIME')\n"
	"if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end\n"
	"redis.call('ZADD', KEYS[2], string.format('%.3f', t[1] + t[2] / 1000000 + ARGV[2]), "
	"ARGV[1])\n"
	"return 1\n";

const char broker_celery_script_restore[] =
	"if ARGV[3] ~= '' and redis.call('ZSCORE', KEYS[2], ARGV[1]) ~= ARGV[3] then return 0 end\n"
	"redis.call('ZREM', KEYS[2], ARGV[1])\n"
	"if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then return 0 end\n"
	"redis.call('RPUSH', KEYS[3], ARGV[2])\n"
	"return 1\n";

const char broker_celery_script_ack[] =
	STORE_RESULT "redis.call('ZREM', KEYS[2], ARGV[1])\n"
		     "if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then return 0 end\n"
		     "redis.call('DEL', KEYS[3])\n"
		     "store(KEYS[4], ARGV[2], ARGV[3])\n"
		     "return 1\n";

const char broker_celery_script_move[] =
	STORE_RESULT "redis.call('ZREM', KEYS[2], ARGV[1])\n"
		     "if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then return 0 end\n"
		     "redis.call('DEL', KEYS[4])\n"
		     "redis.call(ARGV[3] == 'again' and 'RPUSH' or 'LPUSH', KEYS[3], ARGV[2])\n"
		     "store(KEYS[5], ARGV[4], ARGV[5])\n"
		     "return 1\n";

const char broker_celery_script_note[] = "if redis.call('LREM', KEYS[1], 1, ARGV[1]) == 1 then "
					 "redis.call('LPUSH', KEYS[1], ARGV[2]) "
					 "end\n"
					 "return 1\n";

const char broker_celery_script_result[] = STORE_RESULT "store(KEYS[1], ARGV[1], ARGV[2])\n"
							"return 1\n";

const char broker_celery_script_due[] =
	"local t = redis.call('TIME')\n"
	"local late = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', t[1] - ARGV[1], 'WITHSCORES',\n"
	"  'LIMIT', 0, 200)\n"
	"local out, bytes = {}, 0\n"
	"for i = 1, #late, 2 do\n"
	"  local v = redis.call('HGET', KEYS[2], late[i])\n"
	"  if not v then\n"
	"    redis.call('ZREM', KEYS[1], late[i])\n"
	"  else\n"
	"    local ok, e = pcall(cjson.decode, v)\n"
	"    if ok and type(e) == 'table' and type(e[2]) == 'string' and type(e[3]) == 'string' "
	"and\n"
	"        (e[2] == '' and e[3] == ARGV[2] or e[2] ~= '' and\n"
	"         redis.call('SISMEMBER', ARGV[3] .. e[2], e[3] .. '\\6\\22\\6\\22' .. ARGV[2]) == "
	"1) "
	"then\n"
	"      bytes = bytes + #v\n"
	"      if #out >= 10 or (#out > 0 and bytes > 8000000) then break end\n"
	"      out[#out + 1] = {late[i], late[i + 1], v}\n"
	"    end\n"
	"  end\n"
	"end\n"
	"return out\n";
