//! A reader of a page: one shell in one folder, in which what is shown is typed.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use skillhost_tests::binary;

use crate::pages::expect::fits;
use crate::pages::read::Block;

/// Where a host listens if nobody says where.
const USUAL: &str = "127.0.0.1:8650";

/// How long a block may take: a skill and all that it depends on is compiled in a minute, on a busy machine in five.
const PATIENCE: Duration = Duration::from_secs(600);

/// Variables of the surroundings that the binary goes by.
const SETTINGS: &[&str] = &["SKILLHOST_", "OLLAMA_", "OPENAI_", "ANTHROPIC_", "GEMINI_"];

/// The folder of a page, in the target folder: what is compiled in it is found again by the next run.
pub(crate) fn folder(name: &str) -> PathBuf {
    pages().join(name)
}

/// Where cargo keeps what the pages' crates have in common.
pub(crate) fn shared() -> PathBuf {
    pages().join("build")
}

fn pages() -> PathBuf {
    binary().ancestors().nth(2).unwrap().join("pages")
}

pub(crate) struct Reader {
    page: String,
    folder: PathBuf,
    address: String,
    shell: Child,
    typed: ChildStdin,
    /// A line for each block that is done: its exit code.
    done: Receiver<String>,
    count: usize,
    /// Two runs of a page would share its folder.
    _lock: File,
}

impl Reader {
    pub(crate) fn new(page: &str) -> Self {
        let name = Path::new(page).file_stem().unwrap().to_string_lossy().to_lowercase();
        fs::create_dir_all(pages()).unwrap();
        let lock = File::create(pages().join(format!("{name}.lock"))).unwrap();
        lock.lock().unwrap();
        let folder = folder(&name);
        if folder.exists() {
            fs::remove_dir_all(&folder).unwrap();
        }
        fs::create_dir_all(&folder).unwrap();
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let path = format!("{}:{}", binary().parent().unwrap().display(), std::env::var("PATH").unwrap());
        let mut command = Command::new("bash");
        for (name, _) in std::env::vars_os() {
            if SETTINGS.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
                command.env_remove(name);
            }
        }
        command.args(["--norc", "--noprofile"]).current_dir(&folder).process_group(0);
        command.env("PATH", path).env("SKILLHOST_LISTEN", &address).env("NO_COLOR", "1");
        command.env_remove("CARGO_TARGET_DIR").env("CARGO_BUILD_BUILD_DIR", shared());
        let mut shell = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut typed = shell.stdin.take().unwrap();
        let (sender, done) = mpsc::channel();
        let stdout = BufReader::new(shell.stdout.take().unwrap());
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        typed.write_all(include_bytes!("reader.sh")).unwrap();
        let page = page.to_owned();
        Self { page, folder, address, shell, typed, done, count: 0, _lock: lock }
    }

    /// What the reader has from the start.
    pub(crate) fn copy(&self, from: &Path, to: &str) {
        self.save(to, &fs::read(from).unwrap());
    }

    fn save(&self, file: &str, bytes: &[u8]) {
        let path = self.folder.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Does what a block says.
    pub(crate) fn follow(&mut self, block: &Block, excuses: &[(&str, &str)]) {
        if let Some(file) = &block.file {
            return self.save(file, block.text.replace(USUAL, &self.address).as_bytes());
        }
        match block.language.as_str() {
            "sh" => {
                let (status, output) = self.run(&block.script(excuses), true);
                assert_eq!(status, "0", "{}:{}:\n{}\n{output}{}", self.page, block.line, block.text, self.host());
            }
            "console" => {
                for shown in block.shown() {
                    let (status, output) = self.run(&shown.command, false);
                    let place = format!("{}:{}: `{}`", self.page, block.line, shown.command);
                    // A failure that the page shows is part of what it says.
                    let failed = shown.output.lines().any(|line| line.starts_with("error:"));
                    assert_eq!(status != "0", failed, "{place} ended with {status}:\n{output}{}", self.host());
                    let output = output.replace(&self.address, USUAL);
                    assert!(fits(&shown.output, &output), "{place} shows\n{}\nand gave\n{output}", shown.output);
                }
            }
            _ => {}
        }
    }

    /// Types `script`. Strictly: the first command that fails ends it, and the page.
    fn run(&mut self, script: &str, strictly: bool) -> (String, String) {
        self.count += 1;
        let (file, output) = (format!(".{}.sh", self.count), format!(".{}.out", self.count));
        let up = |line: &str| match line.strip_prefix("skillhost up") {
            Some(rest) if rest.is_empty() || rest.starts_with(' ') => format!("host_up{rest}\n"),
            _ => format!("{line}\n"),
        };
        let script: String = script.replace(USUAL, &self.address).lines().map(up).collect();
        fs::write(self.folder.join(&file), script).unwrap();
        let source = format!("source ./{file} </dev/null >{output} 2>&1");
        let line = if strictly { format!("{source}; echo $?\n") } else { format!("{source} && echo 0 || echo $?\n") };
        // A shell that has ended is told apart below.
        drop(self.typed.write_all(line.as_bytes()));
        let status = match self.done.recv_timeout(PATIENCE) {
            Ok(status) => status,
            Err(mpsc::RecvTimeoutError::Disconnected) => "a failure".to_owned(),
            Err(mpsc::RecvTimeoutError::Timeout) => format!("nothing within {PATIENCE:?}"),
        };
        (status, fs::read_to_string(self.folder.join(output)).unwrap_or_default())
    }

    /// What the host said, if there is one.
    fn host(&self) -> String {
        let said = fs::read_to_string(self.folder.join("up.log")).unwrap_or_default();
        if said.is_empty() { said } else { format!("\nthe host said:\n{said}") }
    }

    /// Closes the terminals: a host that runs ends well.
    pub(crate) fn end(mut self) {
        let (status, output) = self.run("host_down", true);
        assert_eq!(status, "0", "{}: the host did not end well\n{output}{}", self.page, self.host());
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // Whatever it started goes with it. Who has ended already is not there any more.
        let _ = kill_process_group(Pid::from_child(&self.shell), Signal::KILL);
        drop(self.shell.wait());
    }
}
