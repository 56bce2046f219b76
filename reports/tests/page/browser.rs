//! A headless Chromium, driven over a pipe by the protocol of `--remote-debugging-pipe`: JSON
//! messages, each ended by a zero byte.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, MutexGuard, OnceLock};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Timeout of every step, for a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The browser of all tests, for one test at a time. A Chromium exits when its pipe is closed, so it
/// ends with the tests.
pub(crate) struct Browser {
    to: ChildStdin,
    from: Receiver<Value>,
    events: VecDeque<Value>,
    sent: u64,
}

/// The browser for one test; `None` without one, after a note on stderr.
///
/// # Panics
/// There is no browser, and `LEAKBENCH_CHROMIUM=require` is set.
pub(crate) fn browser(test: &str) -> Option<MutexGuard<'static, Browser>> {
    static BROWSER: OnceLock<Option<Mutex<Browser>>> = OnceLock::new();
    let asked = std::env::var("LEAKBENCH_CHROMIUM").unwrap_or_default();
    let browser = BROWSER.get_or_init(|| program(&asked).map(|it| Mutex::new(Browser::start(&it))));
    if browser.is_none() {
        assert_ne!(asked, "require", "LEAKBENCH_CHROMIUM=require, and no Chromium is on PATH");
        // Directly to stderr, which the test harness would capture.
        let _ = writeln!(std::io::stderr(), "SKIPPED {test}: no Chromium is on PATH");
    }
    // A failed test leaves the browser usable.
    browser.as_ref().map(|it| it.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
}

/// The Chromium that `LEAKBENCH_CHROMIUM` names, or one of its usual names on PATH.
fn program(named: &str) -> Option<PathBuf> {
    if !named.is_empty() && named != "require" {
        return Some(PathBuf::from(named));
    }
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome", "chrome"];
    let mut all = std::env::split_paths(&path).flat_map(|dir| names.map(|name| dir.join(name)));
    all.find(|program| program.is_file())
}

impl Browser {
    /// A shell moves the pipes to the descriptors that Chromium expects, and removes its profile later.
    fn start(program: &Path) -> Browser {
        const SHELL: &str = r#"
            profile=$(mktemp -d) || exit
            "$0" --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
                --disable-background-networking --disable-component-update --hide-scrollbars \
                --force-device-scale-factor=1 --remote-debugging-pipe --user-data-dir="$profile" \
                3<&0 4>&1 </dev/null >/dev/null 2>&1
            rm -rf "$profile""#;
        let mut shell = Command::new("sh")
            .args(["-c", SHELL])
            .arg(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("there is a shell");
        let (to, out) = (shell.stdin.take().expect("a pipe"), shell.stdout.take().expect("a pipe"));
        let (sender, from) = channel();
        std::thread::spawn(move || {
            for message in BufReader::new(out).split(0) {
                let Ok(message) = message else { break };
                let message = serde_json::from_slice(&message).expect("Chromium sends JSON");
                if sender.send(message).is_err() {
                    break;
                }
            }
            shell.wait()
        });
        Browser { to, from, events: VecDeque::new(), sent: 0 }
    }

    /// Opens an empty page of `width` by 900 pixels.
    pub(crate) fn open(&mut self, width: u32) -> Page<'_> {
        self.events.clear();
        let context = self.call(None, "Target.createBrowserContext", json!({}));
        let context = context["browserContextId"].as_str().expect("a context").to_owned();
        let asked = json!({ "url": "about:blank", "browserContextId": context });
        let target = self.call(None, "Target.createTarget", asked)["targetId"].clone();
        let asked = json!({ "targetId": target, "flatten": true });
        let session = self.call(None, "Target.attachToTarget", asked);
        let session = session["sessionId"].as_str().expect("a session").to_owned();
        let folder = tempfile::tempdir().expect("a folder");
        let mut page = Page { browser: self, session, context, folder };
        for domain in ["Page", "Runtime", "Log", "Network"] {
            page.call(&format!("{domain}.enable"), json!({}));
        }
        page.resize(width);
        page
    }

    fn call(&mut self, session: Option<&str>, method: &str, params: Value) -> Value {
        self.sent += 1;
        let mut message = json!({ "id": self.sent, "method": method, "params": params });
        if let Some(session) = session {
            message["sessionId"] = json!(session);
        }
        let mut text = message.to_string().into_bytes();
        text.push(0);
        self.to.write_all(&text).expect("Chromium listens");
        loop {
            let message = self.from.recv_timeout(PATIENCE).expect("Chromium answers");
            if message["id"] == self.sent {
                assert!(message["error"].is_null(), "{method}: {}", message["error"]);
                return message["result"].clone();
            }
            self.events.push_back(message);
        }
    }
}

/// A page in a browser.
pub(crate) struct Page<'a> {
    browser: &'a mut Browser,
    session: String,
    context: String,
    folder: tempfile::TempDir,
}

impl Page<'_> {
    /// Sends a command of the DevTools protocol.
    pub(crate) fn call(&mut self, method: &str, params: Value) -> Value {
        self.browser.call(Some(&self.session), method, params)
    }

    /// Shows `html` from a file, and waits until it is loaded.
    pub(crate) fn show(&mut self, html: &str) {
        let file = self.folder.path().join("report.html");
        std::fs::write(&file, html).expect("the folder takes it");
        let url = format!("file://{}", file.display());
        self.call("Page.navigate", json!({ "url": url }));
        self.until("document.readyState === 'complete' && location.protocol === 'file:'");
    }

    /// The value of an expression, as JSON.
    pub(crate) fn eval(&mut self, expression: &str) -> Value {
        let params =
            json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.call("Runtime.evaluate", params);
        let failed = &answer["exceptionDetails"];
        assert!(failed.is_null(), "{expression}\n{failed:#}");
        answer["result"]["value"].clone()
    }

    /// The value of an expression, as text.
    pub(crate) fn text(&mut self, expression: &str) -> String {
        let value = self.eval(expression);
        value.as_str().unwrap_or_else(|| panic!("{expression}: {value}")).to_owned()
    }

    /// Waits until an expression is true.
    pub(crate) fn until(&mut self, expression: &str) {
        let start = Instant::now();
        while self.eval(expression) != true {
            assert!(start.elapsed() < PATIENCE, "never: {expression}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Sets the width of the page, in pixels.
    pub(crate) fn resize(&mut self, width: u32) {
        let metrics =
            json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500 });
        self.call("Emulation.setDeviceMetricsOverride", metrics);
    }

    /// Left, top, width and height of the drawing of chart `id`, once it is visible.
    pub(crate) fn chart(&mut self, id: &str) -> [f64; 4] {
        let found = self.eval(&format!(
            "(() => {{ const drawing = document.querySelector('#{id} .plot svg');
                drawing.scrollIntoView({{ block: 'center', behavior: 'instant' }});
                const box = drawing.getBoundingClientRect();
                return [box.left, box.top, box.width, box.height]; }})()"
        ));
        serde_json::from_value(found).expect("four numbers")
    }

    /// Moves the mouse, presses or releases its left button.
    pub(crate) fn mouse(&mut self, kind: &str, x: f64, y: f64) {
        let button = if kind == "mouseMoved" { "none" } else { "left" };
        let params = json!({ "type": kind, "x": x, "y": y, "button": button, "clickCount": 1 });
        self.call("Input.dispatchMouseEvent", params);
    }

    /// Drags from one point to another.
    pub(crate) fn drag(&mut self, from: (f64, f64), to: (f64, f64)) {
        self.mouse("mouseMoved", from.0, from.1);
        self.mouse("mousePressed", from.0, from.1);
        let steps = [0.5, 1.0];
        for step in steps {
            let (x, y) = (from.0 + (to.0 - from.0) * step, from.1 + (to.1 - from.1) * step);
            let params =
                json!({ "type": "mouseMoved", "x": x, "y": y, "button": "left", "buttons": 1 });
            self.call("Input.dispatchMouseEvent", params);
        }
        self.mouse("mouseReleased", to.0, to.1);
    }

    /// Presses a key by its name in `KeyboardEvent.key`.
    pub(crate) fn key(&mut self, key: &str) {
        let text = if key.chars().count() == 1 { key } else { "" };
        let mut down = json!({ "type": "keyDown", "key": key, "text": text });
        if key == "Enter" {
            down["text"] = json!("\r");
        }
        self.call("Input.dispatchKeyEvent", down);
        self.call("Input.dispatchKeyEvent", json!({ "type": "keyUp", "key": key }));
    }

    /// Complaints since the page was opened: exceptions, entries of the console and of the browser's
    /// log, dialogs, and requests for anything but the page.
    pub(crate) fn complaints(&mut self) -> Vec<String> {
        // Earlier events arrive before this answer.
        self.eval("new Promise((done) => setTimeout(done, 50))");
        let session = self.session.clone();
        let events = self.browser.events.iter();
        let events = events.filter(|event| event["sessionId"] == session.as_str());
        let complaint = |event: &Value| match event["method"].as_str()? {
            "Runtime.exceptionThrown"
            | "Runtime.consoleAPICalled"
            | "Page.javascriptDialogOpening" => Some(event.to_string()),
            // Warnings are about the test's own queries.
            "Log.entryAdded" if event["params"]["entry"]["level"] == "error" => {
                Some(event.to_string())
            }
            "Network.requestWillBeSent" => {
                let url = event["params"]["request"]["url"].as_str()?;
                let own = url.starts_with("file://") && url.ends_with("/report.html");
                (!own).then(|| format!("requests {url}"))
            }
            _ => None,
        };
        events.filter_map(complaint).collect()
    }
}

impl Drop for Page<'_> {
    fn drop(&mut self) {
        // Also after a failed test; an error does not matter to other tests.
        let close = json!({ "browserContextId": self.context });
        if !std::thread::panicking() {
            self.browser.call(None, "Target.disposeBrowserContext", close);
        }
    }
}
