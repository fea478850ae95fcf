//! Many agents at once, some of whose models fail.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use skillhost_tests::{World, eventually};

use crate::kit::configure;
use crate::models::{Models, Reply};

const AGENTS: usize = 120;

/// Providers, of which the first always fails; each is the first choice of a tenth of the agents.
const PROVIDERS: usize = 10;

/// What came of the tasks of one load.
#[derive(Debug)]
#[expect(dead_code, reason = "printed as a whole")]
struct Outcome {
    sent: usize,
    succeeded: usize,
    average_ms: f64,
    p99_ms: u64,
}

#[test]
fn twelve_hundred_tasks_a_minute_of_120_agents_succeed_though_a_tenth_of_their_models_fail() {
    let failing = Models::new(|_| Reply::Refuses(500, json!({"error": "out of order"}).to_string()));
    let healthy: Vec<Models> = (1..PROVIDERS).map(|_| Models::saying("Done.")).collect();
    let servers: Vec<&Models> = std::iter::once(&failing).chain(&healthy).collect();
    let provider = |number: usize| format!("p{}", number % PROVIDERS);
    let providers: BTreeMap<_, _> =
        servers.iter().enumerate().map(|(number, server)| (provider(number), server.openai())).collect();
    let cascade = |number: usize| json!([format!("{}/m", provider(number)), format!("{}/m", provider(number + 1))]);
    let models: BTreeMap<_, _> = (0..PROVIDERS).map(|number| (format!("m{number}"), cascade(number))).collect();
    let agent = |number: usize| json!({"skill": "asker", "subscribe": [format!("task:{number}:*")]});
    let agents: BTreeMap<_, _> = (0..AGENTS).map(|number| (format!("worker-{number}"), agent(number))).collect();
    let world = World::with(&["asker"]);
    configure(&world, &json!({"llm": {"default": "m0", "models": models, "providers": providers}, "agents": agents}));
    let _up = world.up();
    eventually("all agents live", Duration::from_secs(60), || {
        let agents = world.run(&["agents", "--json"]);
        agents.code == Some(0)
            && agents.json().as_array().unwrap().iter().filter(|agent| agent["status"] == "healthy").count() == AGENTS
    });

    let usual = load(&world, "usual", 20, Duration::from_secs(60));
    println!("1,200 tasks a minute: {usual:?}");
    let tenfold = load(&world, "tenfold", 200, Duration::from_secs(10));
    println!("12,000 tasks a minute: {tenfold:?}");
    assert!(usual.succeeded * 100 >= usual.sent * 98, "{usual:?}");
    assert!(usual.average_ms < 100.0, "{usual:?}");
    assert!(!failing.asked().is_empty(), "nothing failed");
}

/// Sends so many tasks a second, in turn to each agent, and waits for what comes of them.
fn load(world: &World, name: &str, per_second: u32, lasts: Duration) -> Outcome {
    let last = world.run(&["events", "--json", "--limit", "1"]).json();
    let head = last["seq"].to_string();
    let (start, between) = (Instant::now(), Duration::from_secs(1) / per_second);
    let mut sent = 0;
    while start.elapsed() < lasts {
        let agent = sent % AGENTS;
        let payload = json!({"prompt": "Do it.", "model": format!("m{}", agent % PROVIDERS)});
        publish(world, &format!("task:{agent}:{name}-{sent}"), &payload);
        sent += 1;
        // The rate is what is asked for, whatever one publication takes.
        std::thread::sleep((between * u32::try_from(sent).unwrap()).saturating_sub(start.elapsed()));
    }
    let ended = |kinds: &[&str]| {
        let mut arguments = vec!["events", "--json", "--limit", "1000000"];
        arguments.extend(["--after", &head]);
        kinds.iter().for_each(|kind| arguments.extend(["--kind", kind]));
        world.run(&arguments).lines()
    };
    eventually("all tasks end", Duration::from_secs(60), || ended(&["tool.completed", "agent.parked"]).len() >= sent);
    let published: HashMap<String, u64> = ended(&["message.published"])
        .iter()
        .map(|event| (event["data"]["channel"].as_str().unwrap().to_owned(), millis(&event["at"])))
        .collect();
    let mut took: Vec<u64> = ended(&["tool.completed"])
        .iter()
        .filter_map(|event| {
            let channel = event["data"]["caller"].as_str()?.strip_prefix("channel:")?;
            Some(millis(&event["at"]).saturating_sub(*published.get(channel)?))
        })
        .collect();
    took.sort_unstable();
    let sum: u64 = took.iter().sum();
    Outcome {
        sent,
        succeeded: took.len(),
        average_ms: sum as f64 / took.len().max(1) as f64,
        p99_ms: took.get(took.len() * 99 / 100).copied().unwrap_or_default(),
    }
}

/// By the running host's socket itself: `skillhost send` takes a process for each message, which would be the load.
fn publish(world: &World, channel: &str, payload: &Value) {
    let mut stream = UnixStream::connect(world.data().join("host.sock")).unwrap();
    let asked = json!({"send": {"tenant": "default", "channel": channel, "payload": payload}});
    writeln!(stream, "{asked}").unwrap();
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&answer).unwrap(), json!({"done": 1}), "{channel}");
}

/// Milliseconds of the day of an RFC 3339 time in UTC with three digits; a load that spans midnight is counted short.
fn millis(at: &Value) -> u64 {
    let at = at.as_str().unwrap();
    let part = |from: usize, to: usize| at[from..to].parse::<u64>().unwrap();
    ((part(11, 13) * 60 + part(14, 16)) * 60 + part(17, 19)) * 1_000 + part(20, 23)
}
