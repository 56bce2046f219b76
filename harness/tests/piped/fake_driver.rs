//! A driver with memfds for modules, and with faults. It is this test program, started again. Its
//! standard output is descriptor 3 then, because the test harness writes to descriptor 1.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, Write};
use std::path::Path;
use std::time::Duration;

use memfd::{Memfd, MemfdOptions};
use serde_json::{Value, json};

/// The bytes of memory at the end of a generated module, of which the first eight are its stamp.
const IMAGE_BYTES: usize = 4096;

/// The fault of a driver, which it reads from its environment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    /// Its name.
    pub(crate) fault: &'static str,
    /// The step in which it happens.
    pub(crate) step: &'static str,
    /// The number of this step among those of its kind, from 1. The preflight has the first of each.
    pub(crate) nth: u32,
}

/// The argument of `--subject` for it. `more` is environment in the syntax of a shell.
pub(crate) fn command(faults: &Faults, more: &str) -> String {
    let Faults { fault, step, nth } = faults;
    let environment = format!("FAKE_FAULT={fault} FAKE_STEP={step} FAKE_NTH={nth} {more}");
    let arguments = "fake_driver --exact --ignored --nocapture 3>&1 >/dev/null";
    let own = std::env::current_exe().expect("this program has a path");
    let own = own.to_str().expect("a plain path");
    let script = format!("{environment} exec \"$0\" {arguments}");
    shlex::try_join(["sh", "-c", &script, own]).expect("no NUL in it")
}

/// Its `main`. It returns at once in a run of the tests.
pub(crate) fn main() {
    let Ok(fault) = std::env::var("FAKE_FAULT") else { return };
    let variable = |name| std::env::var(name).unwrap_or_default();
    let path = "/proc/self/fd/3";
    let mut out = File::options().write(true).open(path).expect("the real standard output");
    let mut driver = Driver {
        lazy: !variable("FAKE_LAZY").is_empty(),
        imageless: !variable("FAKE_IMAGELESS").is_empty(),
        keeps: variable("FAKE_KEEPS").parse().ok(),
        _at_rest: (0..variable("FAKE_AT_REST").parse().unwrap_or(1)).map(|_| memfd()).collect(),
        modules: HashMap::new(),
        instances: HashMap::new(),
        kept: Vec::new(),
        kept_files: Vec::new(),
        made: 0,
    };
    let (step, nth) = (variable("FAKE_STEP"), variable("FAKE_NTH").parse().unwrap_or(0));
    let script = std::env::var("FAKE_SCRIPT").map(|path| Script::read(Path::new(&path)));
    let mut script = script.ok();
    let delay_ms = variable("FAKE_DELAY_MS").parse().unwrap_or(0);
    let mut seen = 0;
    for line in std::io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line.expect("text")).expect("JSON");
        if request["do"] == step.as_str() {
            seen += 1;
        }
        let mut reply = driver.reply(&request);
        if let Some(script) = &mut script {
            reply = script.reply(&request);
        }
        let is_due = request["do"] == step.as_str() && seen == nth;
        // It has no slots, so that no request follows the last drop.
        if fault.ends_with("-after") && request["do"] == "slots" {
            reply = json!({"id": request["id"], "error": "there are none"});
        }
        let text = if is_due { spoil(&fault, &request, reply) } else { reply.to_string() };
        writeln!(out, "{text}").expect("the bridge reads");
        if is_due && fault.ends_with("-after") {
            std::thread::sleep(Duration::from_millis(delay_ms));
            if fault == "aborts-after" {
                std::process::abort();
            }
            std::process::exit(7);
        }
    }
    if fault == "fails-at-the-end" {
        std::process::exit(7);
    }
    if let Some(script) = script {
        script.write_progress();
    }
    if fault == "stays" {
        std::thread::sleep(Duration::from_secs(3600));
    }
    std::process::exit(0);
}

/// The line in place of a reply, if the driver does not end.
fn spoil(fault: &str, request: &Value, reply: Value) -> String {
    let id = request["id"].as_u64().expect("a number");
    match fault {
        "dies" => std::process::exit(7),
        "dies-after" | "aborts-after" => reply.to_string(),
        "is-silent" => loop {
            std::thread::sleep(Duration::from_secs(3600));
        },
        "no-json" => "Welcome to \u{1b}[31mfake 1.0!".to_owned(),
        "banner" => format!("Loading...\n{reply}"),
        "twice" => format!("{reply}\n{reply}"),
        "endless" => "x".repeat(5 << 20),
        "wrong-id" => json!({"id": id + 1, "ok": {}}).to_string(),
        "both" => json!({"id": id, "ok": {}, "error": "?"}).to_string(),
        "neither" => json!({"id": id}).to_string(),
        "refuses" => json!({"id": id, "error": "out of luck"}).to_string(),
        "no-digits" => json!({"id": id, "ok": {"result": 7}}).to_string(),
        "wrong-result" => json!({"id": id, "ok": {"result": "7"}}).to_string(),
        "slots" => json!({"id": id, "ok": {"slabs": [], "states": "w"}}).to_string(),
        "version-2" => json!({"id": id, "ok": {"leakbench": 2, "name": "fake"}}).to_string(),
        "other-pid" => {
            json!({"id": id, "ok": {"leakbench": 1, "runtime": "fake", "pid": 1}}).to_string()
        }
        other => panic!("there is no fault '{other}'"),
    }
}

fn memfd() -> Memfd {
    MemfdOptions::default().create("anything").expect("a memfd")
}

struct Driver {
    /// Images are made by the first instantiation.
    lazy: bool,
    /// There are no images, and a plain file is kept in their place.
    imageless: bool,
    /// The image of one in so many modules is never closed.
    keeps: Option<u64>,
    /// Memfds of the runtime itself.
    _at_rest: Vec<Memfd>,
    /// The result of calls, and the image.
    modules: HashMap<u64, (i64, Option<Memfd>)>,
    /// The module of each instance.
    instances: HashMap<u64, u64>,
    kept: Vec<Memfd>,
    kept_files: Vec<File>,
    made: u64,
}

impl Driver {
    fn reply(&mut self, request: &Value) -> Value {
        let number = |name: &str| request[name].as_u64().expect("a number");
        let ok = match request["do"].as_str().expect("a string") {
            "hello" => json!({"leakbench": 1, "runtime": "fake 1.0", "pid": std::process::id()}),
            "create" => {
                let binary = from_base64(request["binary"].as_str().expect("a string"));
                let stamp = binary.len().checked_sub(IMAGE_BYTES).map_or(0, |at| {
                    i64::from_le_bytes(binary[at..at + 8].try_into().expect("eight bytes"))
                });
                let image = (!self.lazy && !self.imageless).then(memfd);
                assert!(self.modules.insert(number("module"), (stamp, image)).is_none());
                self.made += 1;
                json!({})
            }
            "instantiate" => {
                let module = number("module");
                let (_, image) = self.modules.get_mut(&module).expect("a module");
                if self.lazy {
                    image.get_or_insert_with(memfd);
                }
                assert!(self.instances.insert(number("instance"), module).is_none());
                json!({})
            }
            "call" => {
                let (stamp, _) = &self.modules[&self.instances[&number("instance")]];
                json!({"result": stamp.to_string()})
            }
            "drop-instance" => {
                self.instances.remove(&number("instance")).expect("an instance");
                json!({})
            }
            "drop-module" => {
                let (_, image) = self.modules.remove(&number("module")).expect("a module");
                if self.keeps.is_some_and(|every| self.made.is_multiple_of(every)) {
                    self.kept.extend(image);
                    if self.imageless {
                        self.kept_files.push(File::open("/dev/null").expect("it is there"));
                    }
                }
                json!({})
            }
            "slots" => {
                let slab = json!({"base": 1u64 << 46, "stride_bytes": 65536, "slots": 4});
                json!({"slabs": [slab], "states": "...."})
            }
            other => {
                return json!({"id": request["id"], "error": format!("there is no step {other}")});
            }
        };
        json!({"id": request["id"], "ok": ok})
    }
}

/// A conversation that is compared line by line.
struct Script {
    pairs: Vec<(Value, Value)>,
    next: usize,
}

impl Script {
    /// The lines of a document that begin with an arrow.
    fn read(document: &Path) -> Script {
        let text = std::fs::read_to_string(document).expect("it can be read");
        let lines = |arrow: &'static str| {
            let lines = text.lines().filter_map(move |line| line.strip_prefix(arrow));
            lines.map(|line| serde_json::from_str(line).expect("JSON"))
        };
        let pairs: Vec<(Value, Value)> = lines("→ ").zip(lines("← ")).collect();
        assert_eq!(lines("← ").count(), lines("→ ").count());
        Script { pairs, next: 0 }
    }

    fn reply(&mut self, request: &Value) -> Value {
        let (expected, reply) = self.pairs.get(self.next).expect("the conversation is over");
        assert_eq!(request, expected);
        self.next += 1;
        let mut reply = reply.clone();
        if reply["ok"]["pid"].is_number() {
            reply["ok"]["pid"] = std::process::id().into();
        }
        reply
    }

    /// Appends the number of lines so far to the file that the environment names.
    fn write_progress(&self) {
        let path = std::env::var("FAKE_PROGRESS").expect("a path");
        let mut file = File::options().append(true).create(true).open(path).expect("it opens");
        writeln!(file, "{} of {}", self.next, self.pairs.len()).expect("written");
    }
}

fn from_base64(text: &str) -> Vec<u8> {
    let value = |digit: u8| match digit {
        b'A'..=b'Z' => u32::from(digit - b'A'),
        b'a'..=b'z' => u32::from(digit - b'a') + 26,
        b'0'..=b'9' => u32::from(digit - b'0') + 52,
        b'+' => 62,
        b'/' => 63,
        _ => panic!("{digit} is no digit"),
    };
    let digits: Vec<u8> = text.trim_end_matches('=').bytes().collect();
    let mut bytes = Vec::new();
    for four in digits.chunks(4) {
        let bits =
            four.iter().enumerate().fold(0, |bits, (at, d)| bits | value(*d) << (18 - 6 * at));
        bytes.extend_from_slice(&bits.to_be_bytes()[1..four.len()]);
    }
    bytes
}
