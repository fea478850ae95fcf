//! Memory, handles, and every way to trap.

use crate::manifest::{Input, data, tool};
use crate::{Answer, Tool};
use core::hint::black_box;
use serde_json::json;
use wasip2::clocks::monotonic_clock;

/// 1 MiB at a time: fine enough to come close to any limit, coarse enough to get there in few steps.
const STEP_PAGES: usize = 16;
const REFUSED: usize = usize::MAX;
const HOUR_NS: u64 = 3_600_000_000_000;

pub(super) fn tools() -> Vec<Tool> {
    vec![
        tool("grow", "Grows memory until refused, then traps.", &[]),
        tool("grow-politely", "Grows memory until refused, then answers.", &[]),
        tool("allocate", "Allocates and touches so many bytes as Rust does.", &[("bytes", "integer")]),
        tool("leak-handles", "Keeps WASI handles for ever.", &[("kind", "string"), ("count", "integer")]),
        tool("trap", "unreachable", &[]),
        tool("panic", "Panics, with a message on standard error.", &[]),
        tool("oob", "Reads where there is no memory.", &[]),
        tool("abort-exit", "Ends itself by wasi:cli/exit.", &[("ok", "boolean")]),
    ]
}

pub(super) fn call(tool: &str, input: &Input) -> Option<Answer> {
    match tool {
        "grow" => {
            grow();
            core::arch::wasm32::unreachable()
        }
        "grow-politely" => {
            // Room for the answer: once growth is refused, the allocator has only this.
            drop(black_box(vec![0_u8; 64 << 10]));
            let grown = grow();
            let total = core::arch::wasm32::memory_size(0);
            Some(data(json!({ "grown_pages": grown, "pages": total })))
        }
        "allocate" => {
            let bytes = usize::try_from(input.number("bytes", 1 << 20)).unwrap_or(usize::MAX);
            let block = black_box(vec![1_u8; bytes]);
            Some(data(json!({ "bytes": block.len() })))
        }
        "leak-handles" => Some(leak(input.string("kind", "pollable"), input.number("count", u64::MAX))),
        "trap" => core::arch::wasm32::unreachable(),
        "panic" => panic!("the guest panics on demand"),
        "oob" => {
            let nowhere = black_box(0xffff_fff0_usize) as *const u64;
            // SAFETY: none. The address lies beyond every memory that a host may give, and the trap is the point.
            let value = unsafe { nowhere.read_volatile() };
            Some(data(json!({ "read": value })))
        }
        "abort-exit" => {
            let status = if input.0["ok"].as_bool().unwrap_or(false) { Ok(()) } else { Err(()) };
            wasip2::cli::exit::exit(status);
            Some(data(json!({ "still": "here" })))
        }
        _ => None,
    }
}

/// Pages got until the host said no.
fn grow() -> usize {
    let mut pages = 0;
    while core::arch::wasm32::memory_grow(0, STEP_PAGES) != REFUSED {
        pages += STEP_PAGES;
    }
    pages
}

fn leak(kind: &str, count: u64) -> Answer {
    for _ in 0..count {
        match kind {
            "stream" => core::mem::forget(wasip2::cli::stdin::get_stdin()),
            "output-stream" => core::mem::forget(wasip2::cli::stdout::get_stdout()),
            "socket" => core::mem::forget(wasip2::sockets::instance_network::instance_network()),
            _ => core::mem::forget(monotonic_clock::subscribe_duration(HOUR_NS)),
        }
    }
    data(json!({ "leaked": count }))
}
