//! As another project builds it: a stock list over `wasi:keyvalue`, from WIT alone, that knows nothing of this host.

#[allow(missing_docs, reason = "generated; the words are in the WIT")]
mod bindings {
    wit_bindgen::generate!({
        path: "wit/deps/keyvalue",
        inline: "
            package warehouse:stock@1.2.0;

            interface inventory {
              /// Keeps a text in a bucket.
              put: func(bucket: string, key: string, value: string) -> result<_, string>;
              /// Gives the text, if there is one.
              get: func(bucket: string, key: string) -> result<option<string>, string>;
              exists: func(bucket: string, key: string) -> result<bool, string>;
              /// Adds to a number and gives the new one.
              count: func(bucket: string, key: string, by: s64) -> result<s64, string>;
              /// Replaces what was read just before, if it is the same.
              swap: func(bucket: string, key: string, expected: option<string>, value: string) -> result<bool, string>;
              /// All keys, page by page.
              %list: func(bucket: string) -> result<list<string>, string>;
              remove: func(bucket: string, key: string) -> result<_, string>;
            }

            world stock {
              import wasi:keyvalue/store@0.2.0-draft2;
              import wasi:keyvalue/atomics@0.2.0-draft2;
              export inventory;
            }
        ",
        world: "warehouse:stock/stock",
        generate_all,
    });
}

use bindings::exports::warehouse::stock::inventory::Guest;
use bindings::wasi::keyvalue::atomics::{self, Cas, CasError};
use bindings::wasi::keyvalue::store::{self, Error};

/// Pages of keys that are read: a host that never ends them is not believed.
const PAGES: usize = 1000;

struct Stock;

impl Guest for Stock {
    fn put(bucket: String, key: String, value: String) -> Result<(), String> {
        open(&bucket)?.set(&key, value.as_bytes()).map_err(said)
    }

    fn get(bucket: String, key: String) -> Result<Option<String>, String> {
        open(&bucket)?.get(&key).map(|value| value.map(text)).map_err(said)
    }

    fn exists(bucket: String, key: String) -> Result<bool, String> {
        open(&bucket)?.exists(&key).map_err(said)
    }

    fn count(bucket: String, key: String, by: i64) -> Result<i64, String> {
        atomics::increment(&open(&bucket)?, &key, by).map_err(said)
    }

    fn swap(bucket: String, key: String, expected: Option<String>, value: String) -> Result<bool, String> {
        let cas = Cas::new(&open(&bucket)?, &key).map_err(said)?;
        if cas.current().map_err(said)?.map(text) != expected {
            return Ok(false);
        }
        match atomics::swap(cas, value.as_bytes()) {
            Ok(()) => Ok(true),
            Err(CasError::CasFailed(_)) => Ok(false),
            Err(CasError::StoreError(error)) => Err(said(error)),
        }
    }

    fn list(bucket: String) -> Result<Vec<String>, String> {
        let bucket = open(&bucket)?;
        let (mut keys, mut cursor) = (vec![], None);
        for _ in 0..PAGES {
            let page = bucket.list_keys(cursor.as_deref()).map_err(said)?;
            keys.extend(page.keys);
            cursor = page.cursor;
            if cursor.is_none() {
                return Ok(keys);
            }
        }
        Err("the pages of keys have no end".into())
    }

    fn remove(bucket: String, key: String) -> Result<(), String> {
        open(&bucket)?.delete(&key).map_err(said)
    }
}

fn open(bucket: &str) -> Result<store::Bucket, String> {
    store::open(bucket).map_err(said)
}

fn text(value: Vec<u8>) -> String {
    String::from_utf8_lossy(&value).into_owned()
}

fn said(error: Error) -> String {
    match error {
        Error::NoSuchStore => "no such store".into(),
        Error::AccessDenied => "access denied".into(),
        Error::Other(why) => format!("other: {why}"),
    }
}

bindings::export!(Stock with_types_in bindings);
