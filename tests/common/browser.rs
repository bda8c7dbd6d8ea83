//! A real Chromium without a window, driven over its pipe, with one tab.

use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Child;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use keyward::lab::{program, skip};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};

/// How long an answer, and anything that must come, is waited for.
const LIMIT: Duration = Duration::from_secs(60);

/// What it is started with, besides its folder. It sees nothing but pages of the tests, so it needs no sandbox, which root
/// cannot have.
const FLAGS: &str = "--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --disable-sync \
                     --disable-background-networking --disable-component-update --disable-breakpad \
                     --remote-debugging-pipe";

/// The browser and its one tab.
pub struct Browser {
    child: Child,
    orders: File,
    answers: Receiver<Value>,
    // held open, so that its reader ends with the browser and not before
    said: File,
    last: u64,
    session: Option<String>,
    complaints: Vec<String>,
    _folder: tempfile::TempDir,
}

impl Browser {
    /// Starts it with an empty tab; none, and the test counts as skipped, where there is no Chromium.
    pub fn start() -> Option<Self> {
        let program = match program::find("chromium", "chromium") {
            Ok(program) => program,
            Err(why) => {
                skip::skip(&why.to_string());
                return None;
            }
        };
        let folder = tempfile::tempdir().unwrap();
        // opened for both ways, so that neither side waits for the other
        let [orders, said] = ["orders", "said"].map(|name| {
            let path = folder.path().join(name);
            let at = CString::new(path.to_str().unwrap()).unwrap();
            mknodat(CWD, &at, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
            OpenOptions::new().read(true).write(true).open(path).unwrap()
        });
        let child = program::spawn(Path::new("/bin/sh"), |command| {
            let log = File::create(folder.path().join("log")).unwrap();
            let script = format!("exec \"$0\" {FLAGS} --user-data-dir=\"$1/profile\" 3<\"$1/orders\" 4>\"$1/said\"");
            let command = command.args(["-c", &script]).arg(program).arg(folder.path());
            command.env("HOME", folder.path()).stdout(log.try_clone().unwrap()).stderr(log)
        });
        let (sender, answers) = channel();
        let reader = BufReader::new(said.try_clone().unwrap());
        std::thread::spawn(move || {
            for message in reader.split(0).map_while(Result::ok) {
                let Ok(value) = serde_json::from_slice(&message) else { continue };
                if sender.send(value).is_err() {
                    return;
                }
            }
        });
        let (session, complaints) = (None, Vec::new());
        let child = child.unwrap();
        let mut browser = Self { child, orders, answers, said, last: 0, session, complaints, _folder: folder };
        let target = browser.order("Target.createTarget", &json!({ "url": "about:blank" }));
        let attached = json!({ "targetId": target["targetId"], "flatten": true });
        browser.session = Some(browser.order("Target.attachToTarget", &attached)["sessionId"].as_str().unwrap().into());
        for domain in ["Page", "Runtime", "Log"] {
            browser.order(&format!("{domain}.enable"), &json!({}));
        }
        Some(browser)
    }

    /// Gives an order and waits for its answer.
    pub fn order(&mut self, method: &str, params: &Value) -> Value {
        self.last += 1;
        let mut order = json!({ "id": self.last, "method": method, "params": params });
        if let Some(session) = &self.session {
            order["sessionId"] = json!(session);
        }
        self.orders.write_all(format!("{order}\0").as_bytes()).unwrap();
        let began = Instant::now();
        loop {
            let left = LIMIT.saturating_sub(began.elapsed());
            let Ok(mut said) = self.answers.recv_timeout(left) else {
                let log = fs::read_to_string(self._folder.path().join("log")).unwrap_or_default();
                panic!("Chromium does not answer {method}: {}", program::tail(&log, 10));
            };
            self.note(&said);
            if said["id"] == self.last {
                assert!(said.get("error").is_none(), "{method}: {said}");
                return said["result"].take();
            }
        }
    }

    /// Keeps what a developer would see in red.
    fn note(&mut self, said: &Value) {
        let params = &said["params"];
        let complaint = match said["method"].as_str() {
            Some("Log.entryAdded") if params["entry"]["level"] == "error" || params["entry"]["level"] == "warning" => {
                format!("{} {}", params["entry"]["source"], params["entry"]["text"])
            }
            Some("Runtime.consoleAPICalled") if params["type"] == "error" || params["type"] == "warning" => {
                params["args"].to_string()
            }
            Some("Runtime.exceptionThrown") => params["exceptionDetails"].to_string(),
            _ => return,
        };
        self.complaints.push(complaint);
    }

    /// What the page has complained of since the last time: errors, warnings, violations of its policy.
    pub fn complaints(&mut self) -> Vec<String> {
        // an order more, so that what was said before its answer is here
        self.value("0");
        std::mem::take(&mut self.complaints)
    }

    /// Goes to an address and waits until the page is loaded.
    pub fn open(&mut self, url: &str) {
        let gone = self.order("Page.navigate", &json!({ "url": url }));
        assert_eq!(gone.get("errorText"), None, "{url}");
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'");
    }

    /// The value of an expression in the page.
    pub fn value(&mut self, expression: &str) -> Value {
        let params = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let mut answer = self.order("Runtime.evaluate", &params);
        assert_eq!(answer.get("exceptionDetails"), None, "{expression}");
        answer["result"]["value"].take()
    }

    /// Waits until an expression is true in the page; what the page shows when it never is.
    pub fn until(&mut self, expression: &str) {
        let began = Instant::now();
        while self.value(expression) != true {
            if began.elapsed() > LIMIT {
                let shown = self.value("document.title + '\\n' + document.body.innerText");
                panic!("never: {expression}; the page shows {shown}");
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// As on a screen of this width, light or dark.
    pub fn screen(&mut self, width: u32, scheme: &str) {
        let size = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.order("Emulation.setDeviceMetricsOverride", &size);
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.order("Emulation.setEmulatedMedia", &features);
    }

    /// Whether pages may run scripts from the next one on.
    pub fn allow_scripts(&mut self, allow: bool) {
        self.order("Emulation.setScriptExecutionDisabled", &json!({ "value": !allow }));
    }

    /// Takes a picture of the whole page.
    pub fn picture(&mut self, file: &Path) {
        let params = json!({ "format": "png", "captureBeyondViewport": true });
        let shot = self.order("Page.captureScreenshot", &params);
        let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, shot["data"].as_str().unwrap());
        fs::write(file, bytes.unwrap()).unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // its renderers and helpers are of its group
        kill_process_group(Pid::from_child(&self.child), Signal::KILL).ok();
        program::end(&mut self.child);
        // the reader wakes up and finds nobody who listens; a whole message, so that it is not taken for the rest of one
        self.said.write_all(b"\0{}\0{}\0").ok();
    }
}
