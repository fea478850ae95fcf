//! What the router adds to a completion and to a streamed piece: the same request to the same server, through the
//! router and by a bare HTTP client, in turns. Prints medians in microseconds.
//!
//! `cargo run --release -p skillhost-llm --example overhead`

#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a measurement may fail loudly"
)]

#[path = "../tests/servers/support/mod.rs"]
mod support;

use std::sync::mpsc;
use std::time::{Duration, Instant};

use support::{Act, Dialect, Host, Server, config, hello};

/// Turns of each.
const TURNS: usize = 2_000;

/// Pieces of the streamed answer.
const PIECES: usize = 500;

/// Turns of the streamed answer.
const STREAMS: usize = 40;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // Servers on a thread of their own, so that their work is not mistaken for the client's.
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let one = Server::always(Dialect::OpenAi, Act::Say(vec!["Hello"])).await;
            let many = Server::always(Dialect::OpenAi, Act::Say(vec!["Hello "; PIECES])).await;
            sender.send((one.url(), many.url())).unwrap();
            std::future::pending::<()>().await;
        });
    });
    let (one, many) = receiver.recv().unwrap();

    let host = Host::new(config(&[("p", "openai", one.clone())], |_| {}));
    let bare = client();
    let (mut through, mut plain) = (Vec::new(), Vec::new());
    for turn in 0..TURNS + 100 {
        let started = Instant::now();
        host.complete().await.unwrap();
        let router = started.elapsed();
        let started = Instant::now();
        read(&bare, &one).await;
        let client = started.elapsed();
        if turn >= 100 {
            through.push(router);
            plain.push(client);
        }
    }
    report("completion", &mut through, &mut plain, 1);

    let host = Host::new(config(&[("p", "openai", many.clone())], |_| {}));
    let (mut through, mut plain) = (Vec::new(), Vec::new());
    for _ in 0..STREAMS {
        let started = Instant::now();
        let mut stream = host.router.stream(&hello(), &host.ask()).await.unwrap();
        let mut pieces = 0;
        while stream.next().await.unwrap().is_some() {
            pieces += 1;
        }
        assert_eq!(pieces, PIECES);
        through.push(started.elapsed());
        let started = Instant::now();
        read(&bare, &many).await;
        plain.push(started.elapsed());
    }
    report("streamed piece", &mut through, &mut plain, PIECES);
}

async fn read(client: &reqwest::Client, url: &str) {
    let body = serde_json::json!({"model": "m", "stream": true, "stream_options": {"include_usage": true},
        "max_tokens": 4096, "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello?"}]});
    let request = client.post(format!("{url}/chat/completions")).header("content-type", "application/json");
    let mut response = request.body(body.to_string()).send().await.unwrap();
    while response.chunk().await.unwrap().is_some() {}
}

fn report(what: &str, through: &mut [Duration], plain: &mut [Duration], parts: usize) {
    let median = |times: &mut [Duration]| {
        times.sort_unstable();
        times[times.len() / 2].as_secs_f64() * 1e6 / parts as f64
    };
    let (through, plain) = (median(through), median(plain));
    println!("{what}: {through:.1} through the router, {plain:.1} bare, {:.1} added", through - plain);
}

/// Set up as the router's, whose encryption is not used here either.
fn client() -> reqwest::Client {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let tls = tls.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
    reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy().build().unwrap()
}
