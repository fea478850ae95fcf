//! A real Chromium, spoken to in the W3C WebDriver protocol.
//!
//! Contract: every browser has a profile of its own, reaches nothing but what it is sent to, and ends with its value.
//! Price: a second to start. Needs `chromedriver` and Chromium; a test without them fails with the line that installs them.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Http, PATIENCE, eventually};

/// What both are in.
const INSTALL: &str = "install them with: apt-get install chromium chromium-driver";

/// The name under which WebDriver gives elements.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// What a browser does without being asked is no part of a test; and whoever is root in a container has no sandbox.
const FLAGS: &[&str] = &[
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-device-scale-factor=1",
];

/// A browser with one page.
pub struct Browser {
    process: Child,
    driver: Http,
    session: String,
    _profile: TempDir,
}

/// An element of the page.
pub struct Element<'a> {
    browser: &'a Browser,
    id: String,
}

impl Browser {
    /// An empty page.
    #[track_caller]
    pub fn start() -> Self {
        let profile = tempfile::Builder::new().prefix("skillhost-browser-").tempdir().expect("a temporary folder");
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process =
            command.spawn().unwrap_or_else(|error| panic!("chromedriver does not start: {error}; {INSTALL}"));
        let driver = Http::at(&format!("http://127.0.0.1:{}", port_of(&mut process)));
        let mut browser = Self { process, driver, session: String::new(), _profile: profile };
        let mut arguments: Vec<String> = FLAGS.iter().map(|flag| (*flag).to_owned()).collect();
        arguments.push(format!("--user-data-dir={}", browser._profile.path().display()));
        let options = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"args": arguments}, "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let session = browser.request("POST", "/session", &options);
        browser.session = session["sessionId"].as_str().expect("a session has a name").to_owned();
        browser
    }

    /// As wide and as high as a screen, in CSS pixels.
    #[track_caller]
    pub fn resize(&self, width: u32, height: u32) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics);
    }

    /// In the colours that somebody prefers.
    #[track_caller]
    pub fn prefer_dark(&self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": value}]});
        self.devtools("Emulation.setEmulatedMedia", &features);
    }

    /// Goes to an address, and comes back when its page is loaded.
    #[track_caller]
    pub fn go(&self, address: &str) {
        self.post("url", &json!({"url": address}));
    }

    /// Where it is.
    #[track_caller]
    pub fn address(&self) -> String {
        self.get("url").as_str().unwrap_or_default().to_owned()
    }

    /// The first element that `css` selects, as soon as there is one.
    #[track_caller]
    pub fn find(&self, css: &str) -> Element<'_> {
        let mut found = None;
        eventually(&format!("an element `{css}` on {}", self.address()), PATIENCE, || {
            found = self.seek("css selector", css);
            found.is_some()
        });
        found.unwrap()
    }

    /// Is there an element that `css` selects?
    #[track_caller]
    pub fn has(&self, css: &str) -> bool {
        self.seek("css selector", css).is_some()
    }

    /// Waits until the text of the page holds `text`.
    #[track_caller]
    pub fn wait_for_text(&self, text: &str) {
        let mut seen = String::new();
        eventually(&format!("`{text}` on {}", self.address()), PATIENCE, || {
            seen = self.text();
            seen.contains(text)
        });
    }

    /// All text of the page that is seen.
    #[track_caller]
    pub fn text(&self) -> String {
        self.run("return document.body.innerText", &[]).as_str().unwrap_or_default().to_owned()
    }

    /// Runs the body of a function in the page, and gives what it returns.
    #[track_caller]
    pub fn run(&self, script: &str, arguments: &[Value]) -> Value {
        self.post("execute/sync", &json!({"script": script, "args": arguments}))
    }

    /// The same of one that calls its last argument when it is done.
    #[track_caller]
    pub fn run_async(&self, script: &str, arguments: &[Value]) -> Value {
        self.post("execute/async", &json!({"script": script, "args": arguments}))
    }

    /// Keeps a picture of the whole page.
    #[track_caller]
    pub fn picture(&self, path: &Path) {
        let picture = self.devtools("Page.captureScreenshot", &json!({"captureBeyondViewport": true}));
        let bytes = STANDARD.decode(picture["data"].as_str().unwrap_or_default()).expect("a picture in base64");
        std::fs::create_dir_all(path.parent().unwrap()).expect("a folder for pictures");
        std::fs::write(path, bytes).expect("a picture can be kept");
    }

    /// What the page's console said since it was last asked: errors of scripts, and what the content policy refused.
    #[track_caller]
    pub fn complaints(&self) -> Vec<String> {
        let said = self.post("se/log", &json!({"type": "browser"}));
        let lines = said.as_array().into_iter().flatten().filter(|line| line["level"] == "SEVERE");
        lines.map(|line| line["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    fn seek(&self, using: &str, value: &str) -> Option<Element<'_>> {
        let found = self.post("elements", &json!({"using": using, "value": value}));
        let id = found[0][ELEMENT].as_str()?.to_owned();
        Some(Element { browser: self, id })
    }

    #[track_caller]
    fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.post("goog/cdp/execute", &json!({"cmd": command, "params": parameters}))
    }

    #[track_caller]
    fn get(&self, what: &str) -> Value {
        self.request("GET", &format!("/session/{}/{what}", self.session), &Value::Null)
    }

    #[track_caller]
    fn post(&self, what: &str, body: &Value) -> Value {
        self.request("POST", &format!("/session/{}/{what}", self.session), body)
    }

    #[track_caller]
    fn request(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if method == "POST" { body.to_string() } else { String::new() };
        let reply = self.driver.send(method, path, &[("content-type", "application/json")], body.as_bytes());
        let value = reply.json()["value"].clone();
        if let Some(error) = value["error"].as_str() {
            panic!("{method} {path} {body}: {error}: {}; {INSTALL}", value["message"].as_str().unwrap_or_default());
        }
        value
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            // The browser is a child of the driver's: it ends with its session.
            drop(self.driver.try_send("DELETE", &format!("/session/{}", self.session), &[], b""));
        }
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

impl Element<'_> {
    /// Clicks in its middle, as a person does.
    #[track_caller]
    pub fn click(&self) {
        self.post("click", &json!({}));
    }

    /// Types.
    #[track_caller]
    pub fn type_in(&self, text: &str) {
        self.post("value", &json!({"text": text}));
    }

    /// The text that is seen of it.
    #[track_caller]
    pub fn text(&self) -> String {
        let path = format!("element/{}/text", self.id);
        self.browser.get(&path).as_str().unwrap_or_default().to_owned()
    }

    #[track_caller]
    fn post(&self, what: &str, body: &Value) {
        self.browser.post(&format!("element/{}/{what}", self.id), body);
    }
}

/// The port that the driver says it listens on.
#[track_caller]
fn port_of(process: &mut Child) -> u16 {
    let stdout = BufReader::new(process.stdout.take().unwrap());
    let (sender, said) = mpsc::channel();
    std::thread::spawn(move || {
        for line in stdout.lines().map_while(Result::ok) {
            let port = line.rsplit("on port ").next().and_then(|port| port.trim_end_matches('.').parse().ok());
            if let Some(port) = port
                && line.contains("started successfully")
            {
                // Nobody listens any more once the port is known.
                let _ = sender.send(port);
            }
        }
    });
    said.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("chromedriver names no port; {INSTALL}"))
}
