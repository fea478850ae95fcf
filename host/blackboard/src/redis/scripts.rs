use redis::aio::MultiplexedConnection;
use redis::{RedisResult, Script};

/// What Redis does in one step.
pub(super) struct Scripts {
    swap: Script,
    add: Script,
}

/// Key; is something expected, what; is there a value, which; milliseconds to live, 0: for ever. Gives 1 if the key held what was
/// expected. Without a value it only looks.
const SWAP: &str = "
local held = redis.call('GET', KEYS[1])
if ARGV[1] == '1' then
  if held ~= ARGV[2] then return 0 end
elseif held then
  return 0
end
if ARGV[3] == '1' then
  if ARGV[5] == '0' then
    redis.call('SET', KEYS[1], ARGV[4])
  else
    redis.call('SET', KEYS[1], ARGV[4], 'PX', ARGV[5])
  end
end
return 1";

/// Key; delta; milliseconds to live of a key that is made, 0: for ever. Gives the sum as text, since Lua's numbers have no
/// 64 bits; false: there is no number, or the sum is none.
const ADD: &str = "
local made = redis.call('EXISTS', KEYS[1]) == 0
local done = redis.pcall('INCRBY', KEYS[1], ARGV[1])
if type(done) == 'table' and done.err then
  if string.sub(done.err, 1, 4) == 'ERR ' then return false end
  return done
end
if made and ARGV[2] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return redis.call('GET', KEYS[1])";

impl Scripts {
    pub(super) fn new() -> Self {
        Self { swap: Script::new(SWAP), add: Script::new(ADD) }
    }

    pub(super) async fn swap(
        &self,
        connection: &mut MultiplexedConnection,
        name: &str,
        expected: Option<&str>,
        value: Option<&String>,
        lives: u64,
    ) -> RedisResult<bool> {
        let mut call = self.swap.key(name);
        call.arg(u8::from(expected.is_some())).arg(expected.unwrap_or_default());
        call.arg(u8::from(value.is_some())).arg(value.map_or("", String::as_str)).arg(lives);
        call.invoke_async(connection).await
    }

    pub(super) async fn add(
        &self,
        connection: &mut MultiplexedConnection,
        name: &str,
        delta: i64,
        lives: u64,
    ) -> RedisResult<Option<i64>> {
        let sum: Option<String> = self.add.key(name).arg(delta).arg(lives).invoke_async(connection).await?;
        Ok(sum.and_then(|sum| sum.parse().ok()))
    }
}
