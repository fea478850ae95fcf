//! What a call costs over HTTP, recorded durably, beside the same request to a handler that does nothing: both in this process with
//! the load generator, over loopback and connections that stay, in turn.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::post;
use bytes::Bytes;
use hdrhistogram::Histogram;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use skillhost_access::{Role, Tenants, Tokens};
use skillhost_lifecycle::{Config, Host, Listen, Recording};
use skillhost_server::{Address, Server};
use tokio::net::{TcpListener, TcpStream};

use crate::Failure;
use crate::measure::{INPUT, SKILL, TOOL, Times, at, config, histogram, nanos, open, resident_kib, rounded, times};

/// Connections at once where throughput is measured.
const MANY: usize = 32;
/// Each of the two has so many turns of so long, after one that is not counted.
const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_millis(800);
/// What is reported of a long run, and how often.
const STEP: Duration = Duration::from_secs(10);
const STEPS: usize = 6;

/// What was measured.
#[derive(Serialize)]
pub(crate) struct Http {
    /// One connection, a handler that does nothing.
    http_nothing: Times,
    /// One connection, a call.
    http_call: Times,
    /// How many times as long a call takes at the median.
    http_ratio_p50: f64,
    /// Many connections, requests a second.
    http_nothing_per_second: f64,
    http_call_per_second: f64,
    /// How many times as much a call costs, by what two cores get done: the median round.
    http_ratio: f64,
}

impl Http {
    pub(crate) fn show(&self) {
        println!("over HTTP, one connection      p50 µs    p99 µs");
        for (name, times) in [("a handler that does nothing", &self.http_nothing), ("a call", &self.http_call)] {
            println!("  {name:<27}{:>8.1}  {:>8.1}", times.p50, times.p99);
        }
        println!("a call / nothing               {:>8.2}", self.http_ratio_p50);
        println!(
            "the same, {MANY} connections      {:>8.2}  ({:.0} and {:.0} a second)",
            self.http_ratio, self.http_call_per_second, self.http_nothing_per_second
        );
    }
}

/// A step of a long run.
#[derive(Serialize)]
struct Step {
    calls_per_second: f64,
    resident_kib: f64,
}

/// Where requests go, and what they are.
#[derive(Clone)]
struct Target {
    address: std::net::SocketAddr,
    token: Arc<str>,
}

/// A host that is served, and beside it the handler that does nothing.
struct Both {
    host: Host,
    server: Server,
    call: Target,
    nothing: Target,
}

pub(crate) async fn all(root: &Path, bytes: &[u8]) -> Result<Http, Failure> {
    let both = Both::start(root, bytes).await?;
    let (mut nothing_times, mut call_times) = (histogram()?, histogram()?);
    let (mut nothing_rates, mut call_rates, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let (nothing_alone, call_alone) = (both.nothing.load(1, ROUND).await?, both.call.load(1, ROUND).await?);
        let (nothing_many, call_many) = (both.nothing.load(MANY, ROUND).await?, both.call.load(MANY, ROUND).await?);
        if round == 0 {
            continue;
        }
        nothing_times.add(nothing_alone.0)?;
        call_times.add(call_alone.0)?;
        ratios.push(nothing_many.1 / call_many.1);
        nothing_rates.push(nothing_many.1);
        call_rates.push(call_many.1);
    }
    both.stop().await;
    Ok(Http {
        http_ratio_p50: rounded(at(&call_times, 0.5) / at(&nothing_times, 0.5), 2),
        http_nothing: times(&nothing_times),
        http_call: times(&call_times),
        http_nothing_per_second: rounded(median(nothing_rates)?, 0),
        http_call_per_second: rounded(median(call_rates)?, 0),
        http_ratio: rounded(median(ratios)?, 2),
    })
}

/// Calls for a minute, and prints every ten seconds how many and what the process then holds.
pub(crate) async fn minute(root: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let both = Both::start(root, bytes).await?;
    both.call.load(MANY, ROUND).await?;
    for _ in 0..STEPS {
        let (_, rate) = both.call.load(MANY, STEP).await?;
        let step = Step { calls_per_second: rounded(rate, 0), resident_kib: resident_kib()? };
        println!("{}", serde_json::to_string(&step)?);
    }
    both.stop().await;
    Ok(())
}

impl Both {
    async fn start(root: &Path, bytes: &[u8]) -> Result<Self, Failure> {
        let config =
            Config { listen: Listen::Tcp("127.0.0.1:0".to_owned()), ..config(root, "http", Recording::Durable) };
        let server = Server::start(&config).await?;
        let Address::Tcp(address) = *server.address() else { return Err("not a TCP address".into()) };
        let data = config.data_dir.clone();
        let host = open(config, bytes).await?;
        let tokens = Tokens::open(&data)?;
        let now = host.events().source().now();
        let token = Arc::from(tokens.add("bench", Role::Caller, Tenants::All, now)?.expose());
        server.open(host.clone(), tokens)?;
        let nothing = nothing().await?;
        let call = Target { address, token };
        Ok(Self { host, server, nothing: Target { address: nothing, ..call.clone() }, call })
    }

    async fn stop(self) {
        self.server.stop().await;
        self.host.close().await;
    }
}

async fn nothing() -> Result<std::net::SocketAddr, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let router = Router::new().route("/api/skills/{skill}/tools/{tool}", post(async || ()));
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

impl Target {
    /// Asks over so many connections for so long. Gives how long each request took, in nanoseconds, and requests a second.
    async fn load(&self, connections: usize, duration: Duration) -> Result<(Histogram<u64>, f64), Failure> {
        let (done, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let mut opened = Vec::new();
        for _ in 0..connections {
            opened.push(self.connect().await?);
        }
        let begun = Instant::now();
        let clients: Vec<_> = opened
            .into_iter()
            .map(|mut sender| {
                let (target, done, count) = (self.clone(), done.clone(), count.clone());
                tokio::spawn(async move {
                    let mut times = histogram()?;
                    while !done.load(Ordering::Relaxed) {
                        let begun = Instant::now();
                        target.ask(&mut sender).await?;
                        times.saturating_record(nanos(begun.elapsed()));
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok::<_, Failure>(times)
                })
            })
            .collect();
        tokio::time::sleep(duration).await;
        let rate = count.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64();
        done.store(true, Ordering::Relaxed);
        let mut all = histogram()?;
        for client in clients {
            all.add(client.await??)?;
        }
        Ok((all, rate))
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Failure> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(sender)
    }

    async fn ask(&self, sender: &mut SendRequest<Full<Bytes>>) -> Result<(), Failure> {
        let request = Request::post(format!("/api/skills/{SKILL}/tools/{TOOL}"))
            .header("host", self.address.to_string())
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from_static(INPUT.as_bytes())))?;
        sender.ready().await?;
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        if status != StatusCode::OK {
            return Err(format!("{status}: {}", String::from_utf8_lossy(&body)).into());
        }
        Ok(())
    }
}

fn median(mut values: Vec<f64>) -> Result<f64, Failure> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().ok_or_else(|| "no rounds".into())
}
