//! As another project builds it: reads its configuration by `wasi:config` and says so by `wasi:logging`, from WIT alone.

#[allow(missing_docs, reason = "generated; the words are in the WIT")]
mod bindings {
    wit_bindgen::generate!({
        path: ["wit/deps/config", "wit/deps/logging"],
        inline: "
            package greetings:desk@0.3.1;

            world desk {
              import wasi:config/store@0.2.0-rc.1;
              import wasi:logging/logging@0.1.0-draft;
              /// Logs and gives one setting.
              export setting: func(key: string) -> result<option<string>, string>;
              /// Logs and gives all of them.
              export settings: func() -> result<list<tuple<string, string>>, string>;
              /// One line on each level; gives how many.
              export log-all: func(context: string, message: string) -> u32;
            }
        ",
        world: "greetings:desk/desk",
        generate_all,
    });
}

use bindings::wasi::config::store::{self, Error};
use bindings::wasi::logging::logging::{Level, log};

struct Desk;

impl bindings::Guest for Desk {
    fn setting(key: String) -> Result<Option<String>, String> {
        let value = store::get(&key).map_err(said)?;
        log(Level::Info, "desk", &format!("{key} is {value:?}"));
        Ok(value)
    }

    fn settings() -> Result<Vec<(String, String)>, String> {
        let all = store::get_all().map_err(said)?;
        log(Level::Debug, "desk", &format!("{} settings", all.len()));
        Ok(all)
    }

    fn log_all(context: String, message: String) -> u32 {
        let levels = [Level::Trace, Level::Debug, Level::Info, Level::Warn, Level::Error, Level::Critical];
        let lines = levels.map(|level| log(level, &context, &message));
        u32::try_from(lines.len()).unwrap_or(u32::MAX)
    }
}

fn said(error: Error) -> String {
    match error {
        Error::Upstream(why) => format!("upstream: {why}"),
        Error::Io(why) => format!("io: {why}"),
    }
}

bindings::export!(Desk with_types_in bindings);
