//! What a call costs over HTTP, recorded durably, beside the same request to a handler that does nothing. Both are served by this
//! process; the load comes from another one on the same processors, over loopback and connections that stay, to each in turn.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::post;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use skillhost_access::{Role, Tenants, Tokens};
use skillhost_lifecycle::{Config, Host, Listen, Recording};
use skillhost_server::{Address, Server};
use tokio::net::{TcpListener, TcpStream};

use crate::Failure;
use crate::measure::{INPUT, SKILL, TOOL, Times, config, histogram, nanos, open, resident_kib, rounded, times};

/// Connections at once where throughput is measured.
const MANY: usize = 32;
/// Each of the two has so many turns of so long, after one that is not counted.
const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_millis(800);
/// What is reported of a long run, and how often.
const STEP: Duration = Duration::from_secs(10);
const STEPS: usize = 6;

/// Carries the token to the load generator.
const TOKEN: &str = "SKILLHOST_BENCH_TOKEN";

/// What was measured.
#[derive(Serialize)]
pub(crate) struct Http {
    /// A handler that does nothing.
    http_nothing: Asked,
    /// A call whose outcome is given out when it is on disk.
    http_durable: Asked,
    /// A call whose outcome is given out before.
    http_relaxed: Asked,
    http_ratio_durable: Ratio,
    http_ratio_relaxed: Ratio,
}

/// How requests to one of them fared.
#[derive(Serialize)]
struct Asked {
    /// Over one connection.
    #[serde(flatten)]
    times: Times,
    /// Over many, as all that follows.
    per_second: f64,
    /// Processor time of one, in microseconds: here, in the load generator and in the kernel.
    cpu: f64,
}

/// How many times as much as nothing.
#[derive(Serialize)]
struct Ratio {
    /// It takes, over one connection, at the median.
    p50: f64,
    /// Of the other is done, over many: the median round.
    per_second: f64,
    /// It costs in processor time.
    cpu: f64,
}

impl Http {
    pub(crate) fn show(&self) {
        println!("over HTTP, {MANY} connections      µs of CPU  a second  p50 µs (one connection)");
        let asked = [
            ("a handler that does nothing", &self.http_nothing),
            ("a call, durable", &self.http_durable),
            ("a call, relaxed", &self.http_relaxed),
        ];
        for (name, asked) in asked {
            println!("  {name:<31}{:>6.1}  {:>8.0}  {:>6.1}", asked.cpu, asked.per_second, asked.times.p50);
        }
        for (name, ratio) in [("durable", &self.http_ratio_durable), ("relaxed", &self.http_ratio_relaxed)] {
            println!("  {name} / nothing {:>21.2}  {:>8.2}  {:>6.2}", ratio.cpu, ratio.per_second, ratio.p50);
        }
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
    address: SocketAddr,
    token: Arc<str>,
}

/// A host that is served.
struct Served {
    host: Host,
    server: Server,
    target: Target,
}

/// What one side got done.
#[derive(Default)]
struct Side {
    /// Of one connection.
    p50: Vec<f64>,
    p99: Vec<f64>,
    /// Of many, in each round.
    rates: Vec<f64>,
    requests: u64,
    cpu_us: f64,
}

impl Side {
    async fn round(&mut self, target: &Target) -> Result<(), Failure> {
        let one = target.load(1, ROUND).await?;
        self.p50.push(one.times.p50);
        self.p99.push(one.times.p99);
        let before = cpu_us()?;
        let many = target.load(MANY, ROUND).await?;
        self.cpu_us += cpu_us()? - before;
        self.requests += many.requests;
        self.rates.push(many.per_second);
        Ok(())
    }

    fn asked(&self) -> Result<Asked, Failure> {
        Ok(Asked {
            times: Times { p50: rounded(median(&self.p50)?, 1), p99: rounded(median(&self.p99)?, 1) },
            per_second: rounded(median(&self.rates)?, 0),
            cpu: rounded(self.cpu_us / self.requests.max(1) as f64, 1),
        })
    }

    fn to(&self, nothing: &Self) -> Result<Ratio, Failure> {
        let (own, other) = (self.asked()?, nothing.asked()?);
        let rates: Vec<_> = nothing.rates.iter().zip(&self.rates).map(|(nothing, own)| nothing / own).collect();
        Ok(Ratio {
            p50: rounded(own.times.p50 / other.times.p50, 2),
            per_second: rounded(median(&rates)?, 2),
            cpu: rounded(own.cpu / other.cpu, 2),
        })
    }
}

pub(crate) async fn all(root: &Path, bytes: &[u8]) -> Result<Http, Failure> {
    let durable = Served::start(&root.join("durable"), bytes, Recording::Durable).await?;
    let relaxed = Served::start(&root.join("relaxed"), bytes, Recording::Relaxed).await?;
    let nothing = Target { address: self::nothing().await?, ..durable.target.clone() };
    let targets = [&nothing, &durable.target, &relaxed.target];
    let mut sides = [(); 3].map(|()| Side::default());
    for round in 0..=ROUNDS {
        if round == 1 {
            sides = [(); 3].map(|()| Side::default());
        }
        for (side, target) in sides.iter_mut().zip(targets) {
            side.round(target).await?;
        }
    }
    durable.stop().await;
    relaxed.stop().await;
    let [nothing, durable, relaxed] = &sides;
    Ok(Http {
        http_nothing: nothing.asked()?,
        http_durable: durable.asked()?,
        http_relaxed: relaxed.asked()?,
        http_ratio_durable: durable.to(nothing)?,
        http_ratio_relaxed: relaxed.to(nothing)?,
    })
}

/// Processor time that this process took so far, with that of the load generators that ended, in microseconds.
fn cpu_us() -> Result<f64, Failure> {
    // In ticks, of which there are a hundred a second; the fields are counted from behind the program's name.
    const TICK_US: f64 = 10_000.0;
    let told = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = told.rsplit_once(')').ok_or("no figures of this process")?;
    let ticks = fields.split_ascii_whitespace().skip(11).take(4).map(str::parse::<u64>);
    Ok(ticks.sum::<Result<u64, _>>()? as f64 * TICK_US)
}

/// Calls for a minute, and prints every ten seconds how many and what the process then holds.
pub(crate) async fn minute(root: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let served = Served::start(root, bytes, Recording::Durable).await?;
    served.target.load(MANY, ROUND).await?;
    for _ in 0..STEPS {
        let loaded = served.target.load(MANY, STEP).await?;
        let step = Step { calls_per_second: rounded(loaded.per_second, 0), resident_kib: resident_kib()? };
        println!("{}", serde_json::to_string(&step)?);
    }
    served.stop().await;
    Ok(())
}

impl Served {
    async fn start(root: &Path, bytes: &[u8], recording: Recording) -> Result<Self, Failure> {
        let config = Config { listen: Listen::Tcp("127.0.0.1:0".to_owned()), ..config(root, "http", recording) };
        let server = Server::start(&config).await?;
        let Address::Tcp(address) = *server.address() else { return Err("not a TCP address".into()) };
        let data = config.data_dir.clone();
        let host = open(config, bytes).await?;
        let tokens = Tokens::open(&data)?;
        let now = host.events().source().now();
        let token = Arc::from(tokens.add("bench", Role::Caller, Tenants::All, now)?.expose());
        server.open(host.clone(), tokens)?;
        Ok(Self { host, server, target: Target { address, token } })
    }

    async fn stop(self) {
        self.server.stop().await;
        self.host.close().await;
    }
}

/// Serves a handler that does nothing.
async fn nothing() -> Result<SocketAddr, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let router = Router::new().route("/api/skills/{skill}/tools/{tool}", post(async || ()));
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

/// What a load generator is told in its arguments; the token comes in the environment.
#[derive(clap::Args)]
pub(crate) struct Asking {
    /// Where to
    address: SocketAddr,
    /// Over how many connections
    connections: usize,
    /// For how long, in milliseconds
    duration_ms: u64,
}

/// What a load generator tells.
#[derive(Serialize, Deserialize)]
struct Loaded {
    requests: u64,
    per_second: f64,
    times: Times,
}

/// The load generator: asks and prints what it got done.
pub(crate) async fn ask(asking: Asking) -> Result<(), Failure> {
    let token = std::env::var(TOKEN)?;
    let target = Target { address: asking.address, token: token.into() };
    let (done, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut opened = Vec::new();
    for _ in 0..asking.connections {
        opened.push(target.connect().await?);
    }
    let begun = Instant::now();
    let clients: Vec<_> = opened
        .into_iter()
        .map(|mut sender| {
            let (target, done, count) = (target.clone(), done.clone(), count.clone());
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
    // For so long it asks.
    tokio::time::sleep(Duration::from_millis(asking.duration_ms)).await;
    let requests = count.load(Ordering::Relaxed);
    let per_second = requests as f64 / begun.elapsed().as_secs_f64();
    done.store(true, Ordering::Relaxed);
    let mut all = histogram()?;
    for client in clients {
        all.add(client.await??)?;
    }
    println!("{}", serde_json::to_string(&Loaded { requests, per_second, times: times(&all) })?);
    Ok(())
}

impl Target {
    /// Has a load generator ask over so many connections for so long.
    async fn load(&self, connections: usize, duration: Duration) -> Result<Loaded, Failure> {
        let asked = tokio::process::Command::new(std::env::current_exe()?)
            .args(["ask", &self.address.to_string(), &connections.to_string(), &duration.as_millis().to_string()])
            .env(TOKEN, &*self.token)
            .stderr(std::process::Stdio::inherit())
            .output()
            .await?;
        Ok(serde_json::from_slice(&asked.stdout)?)
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

fn median(values: &[f64]) -> Result<f64, Failure> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().ok_or_else(|| "no rounds".into())
}
