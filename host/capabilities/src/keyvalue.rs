//! `wasi:keyvalue` (draft 2): a second door to the blackboard, for components made for other hosts.
//!
//! The bucket `default` is the board itself, any other its keys under `NAME:`. The board holds text: bytes that are none are kept
//! as a `data:` address, which whoever reads the board sees, and come back through this door as they were.

use std::future::Future;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use skillhost_blackboard::{Key, Selection, Ttl};
use skillhost_types::{Capability, Glob};
use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Lift, LinkerInstance, Lower, Resource, ResourceType};

use crate::blackboard::{KEYS_LISTED, clean, scopes};
use crate::call::{Call, Function, Needs, begin};
use crate::context::State;
use crate::wire::HostError;

/// The bucket that is the board itself.
const WHOLE: &str = "default";

/// What stands before bytes that are no text.
const BINARY: &str = "data:application/octet-stream;base64,";

/// An open bucket: what its keys begin with on the board.
struct Bucket(String);

/// A value as it was, and the key that it is to be replaced under.
struct Cas {
    key: String,
    was: Option<String>,
}

/// `store.error`.
#[derive(Debug, Clone, ComponentType, Lift, Lower)]
#[component(variant)]
enum Error {
    #[component(name = "no-such-store")]
    NoSuchStore,
    #[component(name = "access-denied")]
    AccessDenied,
    #[component(name = "other")]
    Other(String),
}

impl From<HostError> for Error {
    fn from(error: HostError) -> Self {
        match error {
            HostError::Denied(_) => Self::AccessDenied,
            HostError::Limit(text) | HostError::Invalid(text) | HostError::Unavailable(text) => Self::Other(text),
        }
    }
}

/// `store.key-response`.
#[derive(ComponentType, Lower)]
#[component(record)]
struct KeyResponse {
    keys: Vec<String>,
    cursor: Option<String>,
}

/// `atomics.cas-error`.
#[derive(ComponentType, Lower)]
#[component(variant)]
enum CasError {
    #[component(name = "store-error")]
    Store(Error),
    #[component(name = "cas-failed")]
    Failed(Resource<Cas>),
}

type Answer<T> = wasmtime::Result<(Result<T, Error>,)>;

/// Links `store`.
pub(crate) fn link_store(instance: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    bucket(instance)?;
    instance.func_wrap("open", |mut store: StoreContextMut<'_, State>, (name,): (String,)| {
        let state = store.data_mut();
        state.count_host_call()?;
        // A name that no key can begin with names nothing.
        if Key::new(&name).is_err() {
            return Ok((Err(Error::NoSuchStore),));
        }
        let prefix = if name == WHOLE { String::new() } else { format!("{name}:") };
        Ok((Ok(state.table().push(Bucket(prefix))?),))
    })?;
    type One = (Resource<Bucket>, String);
    instance.func_wrap_async("[method]bucket.get", |mut store, (bucket, key): One| {
        Box::new(async move {
            let key = full(&mut store, &bucket, &key)?;
            let got = read(&mut store, "bucket.get", &key).await?;
            Ok((got.map(|value| value.map(bytes)),)) as Answer<Option<Vec<u8>>>
        })
    })?;
    instance.func_wrap_async(
        "[method]bucket.set",
        |mut store, (bucket, key, value): (Resource<Bucket>, String, Vec<u8>)| {
            Box::new(async move {
                let key = full(&mut store, &bucket, &key)?;
                let set = act(
                    &mut store,
                    function("bucket.set", Capability::BlackboardWrite),
                    &key,
                    async |call: Call, key| {
                        let value = clean(&call, text(value));
                        Ok(call.services.blackboard.set(&call.info.tenant, &key, value, Ttl::Default).await?)
                    },
                );
                Ok((set.await?,)) as Answer<()>
            })
        },
    )?;
    instance.func_wrap_async("[method]bucket.delete", |mut store, (bucket, key): One| {
        Box::new(async move {
            let key = full(&mut store, &bucket, &key)?;
            let called = function("bucket.delete", Capability::BlackboardWrite);
            let deleted = act(&mut store, called, &key, async |call: Call, key| {
                Ok(call.services.blackboard.delete(&call.info.tenant, &key).await.map(drop)?)
            });
            Ok((deleted.await?,)) as Answer<()>
        })
    })?;
    instance.func_wrap_async("[method]bucket.exists", |mut store, (bucket, key): One| {
        Box::new(async move {
            let key = full(&mut store, &bucket, &key)?;
            let called = function("bucket.exists", Capability::BlackboardRead);
            let exists = act(&mut store, called, &key, async |call: Call, key| {
                Ok(call.services.blackboard.exists(&call.info.tenant, &key).await?)
            });
            Ok((exists.await?,)) as Answer<bool>
        })
    })?;
    instance.func_wrap_async(
        "[method]bucket.list-keys",
        |mut store, (bucket, _): (Resource<Bucket>, Option<String>)| {
            Box::new(async move {
                let prefix = store.data_mut().table().get(&bucket)?.0.clone();
                Ok((list(&mut store, &prefix).await?,)) as Answer<KeyResponse>
            })
        },
    )
}

/// Links `atomics`.
pub(crate) fn link_atomics(instance: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    bucket(instance)?;
    instance.resource("cas", ResourceType::host::<Cas>(), |mut store, rep| {
        store.data_mut().table().delete(Resource::<Cas>::new_own(rep))?;
        Ok(())
    })?;
    instance.func_wrap_async("increment", |mut store, (bucket, key, delta): (Resource<Bucket>, String, i64)| {
        Box::new(async move {
            let key = full(&mut store, &bucket, &key)?;
            let called = function("increment", Capability::BlackboardWrite);
            let sum = act(&mut store, called, &key, async |call: Call, key| {
                Ok(call.services.blackboard.add(&call.info.tenant, &key, delta).await?)
            });
            Ok((sum.await?,)) as Answer<i64>
        })
    })?;
    instance.func_wrap_async("[static]cas.new", |mut store, (bucket, key): (Resource<Bucket>, String)| {
        Box::new(async move {
            let key = full(&mut store, &bucket, &key)?;
            let was = match read(&mut store, "cas.new", &key).await? {
                Ok(was) => was,
                Err(error) => return Ok((Err(error),)),
            };
            Ok((Ok(store.data_mut().table().push(Cas { key, was })?),)) as Answer<Resource<Cas>>
        })
    })?;
    instance.func_wrap("[method]cas.current", |mut store, (cas,): (Resource<Cas>,)| {
        let state = store.data_mut();
        state.count_host_call()?;
        let was = state.table().get(&cas)?.was.clone();
        Ok((Ok(was.map(bytes)),)) as Answer<Option<Vec<u8>>>
    })?;
    instance.func_wrap_async("swap", |mut store, (cas, value): (Resource<Cas>, Vec<u8>)| {
        Box::new(async move {
            let Cas { key, was } = store.data_mut().table().delete(cas)?;
            let called = function("swap", Capability::BlackboardWrite);
            let swapped = act(&mut store, called, &key, async |call: Call, key| {
                let (board, value) = (&call.services.blackboard, clean(&call, text(value)));
                Ok(board.compare_and_swap(&call.info.tenant, &key, was.as_deref(), value, Ttl::Default).await?)
            });
            let failed = match swapped.await? {
                Ok(true) => return Ok((Ok(()),)),
                Ok(false) => match read(&mut store, "swap", &key).await? {
                    Ok(was) => CasError::Failed(store.data_mut().table().push(Cas { key, was })?),
                    Err(error) => CasError::Store(error),
                },
                Err(error) => CasError::Store(error),
            };
            Ok((Err(failed),)) as wasmtime::Result<(Result<(), CasError>,)>
        })
    })
}

fn bucket(instance: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    instance.resource("bucket", ResourceType::host::<Bucket>(), |mut store, rep| {
        store.data_mut().table().delete(Resource::<Bucket>::new_own(rep))?;
        Ok(())
    })
}

fn function(name: &'static str, capability: Capability) -> Function {
    Function { interface: "keyvalue", name, needs: Needs::Subject(capability) }
}

/// The key's name on the board.
fn full(store: &mut StoreContextMut<'_, State>, bucket: &Resource<Bucket>, key: &str) -> wasmtime::Result<String> {
    Ok(format!("{}{key}", store.data_mut().table().get(bucket)?.0))
}

/// One host call about one key.
async fn act<R, Fut: Future<Output = Result<R, HostError>>>(
    store: &mut StoreContextMut<'_, State>,
    called: Function,
    key: &str,
    work: impl FnOnce(Call, Key) -> Fut,
) -> wasmtime::Result<Result<R, Error>> {
    let begun = begin(store, called, key)?;
    let context = &store.data().host;
    let call = Call { info: context.info.clone(), services: context.services.clone() };
    let allowed = begun.granted(&call.info.skill.grants, key).and_then(|()| Ok(Key::new(key)?));
    let result = match allowed {
        Ok(key) => begun.bounded(work(call, key)).await,
        Err(error) => Err(error),
    };
    begun.end(store, result.as_ref().err());
    Ok(result.map_err(Error::from))
}

async fn read(
    store: &mut StoreContextMut<'_, State>,
    name: &'static str,
    key: &str,
) -> wasmtime::Result<Result<Option<String>, Error>> {
    let called = function(name, Capability::BlackboardRead);
    act(store, called, key, async |call: Call, key| Ok(call.services.blackboard.get(&call.info.tenant, &key).await?))
        .await
}

/// All keys of a bucket, as far as the skill may read them. There is no second page: who has more keys than one holds is to use
/// several buckets.
async fn list(store: &mut StoreContextMut<'_, State>, prefix: &str) -> wasmtime::Result<Result<KeyResponse, Error>> {
    let needs = Needs::Any(Capability::BlackboardRead);
    let begun = begin(store, Function { interface: "keyvalue", name: "bucket.list-keys", needs }, prefix)?;
    let context = &store.data().host;
    let call = Call { info: context.info.clone(), services: context.services.clone() };
    let limit = KEYS_LISTED as usize;
    let work = async {
        begun.granted(&call.info.skill.grants, prefix)?;
        let pattern = format!("{}*", Glob::escape(prefix));
        let meant = Selection { pattern: Glob::new(&pattern), within: scopes(&call, Capability::BlackboardRead) };
        let keys = call.services.blackboard.keys(&call.info.tenant, &meant, limit + 1).await?;
        if keys.len() > limit {
            return Err(HostError::Limit(format!("the bucket holds more than {limit} keys; use several buckets")));
        }
        Ok(keys.iter().map(|key| key.as_str().strip_prefix(prefix).unwrap_or(key.as_str()).to_owned()).collect())
    };
    let result: Result<Vec<String>, HostError> = begun.bounded(work).await;
    begun.end(store, result.as_ref().err());
    Ok(result.map(|keys| KeyResponse { keys, cursor: None }).map_err(Error::from))
}

/// Bytes as the board keeps them.
fn text(bytes: Vec<u8>) -> String {
    match String::from_utf8(bytes) {
        Ok(text) if !text.starts_with(BINARY) => text,
        Ok(text) => format!("{BINARY}{}", STANDARD.encode(text)),
        Err(error) => format!("{BINARY}{}", STANDARD.encode(error.as_bytes())),
    }
}

/// Bytes as they were given; what somebody else put on the board is the bytes of its text.
fn bytes(text: String) -> Vec<u8> {
    let binary = text.strip_prefix(BINARY).and_then(|rest| STANDARD.decode(rest).ok());
    binary.unwrap_or_else(|| text.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::{BINARY, bytes, text};

    #[test]
    fn bytes_come_back_as_they_were_and_text_is_text() {
        for own in [&b"plain"[..], b"", "grün".as_bytes(), &[0xff, 0, 1], BINARY.as_bytes()] {
            assert_eq!(bytes(text(own.to_vec())), own);
        }
        assert_eq!(text(b"plain".to_vec()), "plain");
        assert_eq!(bytes(format!("{BINARY}no base64!")), format!("{BINARY}no base64!").into_bytes());
    }
}
