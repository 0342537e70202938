//! Drives headless Chromium by its debugging protocol (CDP) over a pipe, which needs no port and no driver.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// Where Debian installs Chromium. `STOCKLINE_CHROMIUM` names another one.
const CHROMIUM: &str = "/usr/bin/chromium";
/// The time for one step.
const STEP_TIMEOUT: Duration = Duration::from_secs(30);

/// A browser with one tab.
pub struct Browser {
    process: Child,
    input: ChildStdin,
    messages: Receiver<Value>,
    tab: String,
    next_id: u64,
    errors: Vec<String>,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts Chromium; prints `SKIPPED` and returns `None` if it is not installed.
    pub fn start() -> Option<Self> {
        let program = std::env::var("STOCKLINE_CHROMIUM").unwrap_or_else(|_| CHROMIUM.to_owned());
        if !Path::new(&program).is_file() {
            eprintln!(
                "SKIPPED: {program} is not installed; `apt-get install chromium` installs it"
            );
            return None;
        }
        let profile = tempfile::tempdir().unwrap();
        // The shell connects file descriptors 3 and 4, where Chromium speaks the protocol, to our pipes.
        let mut process = Command::new("sh")
            .args([
                "-c",
                "exec \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1",
                "sh",
                &program,
            ])
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--hide-scrollbars",
                "--remote-debugging-pipe",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = process.stdin.take().unwrap();
        let output = process.stdout.take().unwrap();
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            for message in BufReader::new(output).split(0) {
                let Ok(message) = message else { return };
                let message = serde_json::from_slice(&message).unwrap();
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let mut browser = Self {
            process,
            input,
            messages,
            tab: String::new(),
            next_id: 0,
            errors: Vec::new(),
            _profile: profile,
        };
        let target = browser.call("Target.createTarget", &json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = browser.call("Target.attachToTarget", &attach);
        attached["sessionId"]
            .as_str()
            .unwrap()
            .clone_into(&mut browser.tab);
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            browser.call(domain, &json!({}));
        }
        Some(browser)
    }

    /// Sets the size of the page in CSS pixels.
    pub fn resize(&mut self, width: u32, height: u32) {
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", &size);
    }

    /// Emulates media features, such as `prefers-color-scheme`.
    pub fn prefer(&mut self, features: &[(&str, &str)]) {
        let features = features.iter();
        let features: Vec<Value> = features
            .map(|(name, value)| json!({"name": name, "value": value}))
            .collect();
        let features = json!({"features": features});
        self.call("Emulation.setEmulatedMedia", &features);
    }

    /// Opens a URL and waits until it is loaded.
    pub fn open(&mut self, url: &str) {
        self.call("Page.navigate", &json!({"url": url}));
        self.wait_for("document.readyState === 'complete' && location.href !== 'about:blank'");
    }

    /// Evaluates a JavaScript expression in the page, and returns its value.
    pub fn evaluate(&mut self, expression: &str) -> Value {
        let parameters = json!({"expression": expression, "returnByValue": true});
        let mut result = self.call("Runtime.evaluate", &parameters);
        assert!(
            result.get("exceptionDetails").is_none(),
            "{expression}: {result}"
        );
        result["result"]["value"].take()
    }

    /// Waits until a JavaScript expression is true.
    pub fn wait_for(&mut self, condition: &str) {
        let start = Instant::now();
        while start.elapsed() < STEP_TIMEOUT {
            let parameters = json!({"expression": condition, "returnByValue": true});
            // Between two documents, an expression fails.
            let result = self.call("Runtime.evaluate", &parameters);
            if result["result"]["value"] == true {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let page = self.evaluate("location.href + '\\n' + document.body.innerText");
        panic!("{condition} is not true: {page}");
    }

    /// Clicks the element at a CSS selector with the mouse, when the page is loaded: without its stylesheet, the element is
    /// elsewhere.
    pub fn click(&mut self, selector: &str) {
        self.wait_for("document.readyState === 'complete'");
        let position = format!(
            "(() => {{ const element = document.querySelector({selector:?}); element.scrollIntoView({{block: 'center'}}); \
             const box = element.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; }})()"
        );
        let position = self.evaluate(&position);
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({"type": kind, "x": position[0], "y": position[1], "button": "left", "clickCount": 1});
            self.call("Input.dispatchMouseEvent", &event);
        }
    }

    /// Types text into the element at a CSS selector.
    pub fn fill(&mut self, selector: &str, text: &str) {
        self.evaluate(&format!("document.querySelector({selector:?}).focus()"));
        self.evaluate(&format!("document.querySelector({selector:?}).select()"));
        self.call("Input.insertText", &json!({"text": text}));
    }

    /// Presses a key without text, such as `Tab`, or `Enter`.
    pub fn press(&mut self, key: &str) {
        let text = if key == "Enter" { "\r" } else { "" };
        let code = match key {
            "Tab" => 9,
            "Enter" => 13,
            _ => 0,
        };
        for kind in ["keyDown", "keyUp"] {
            let mut event =
                json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code});
            if kind == "keyDown" && !text.is_empty() {
                event["text"] = text.into();
            }
            self.call("Input.dispatchKeyEvent", &event);
        }
    }

    /// Writes a PNG of the visible page to `path`.
    pub fn screenshot(&mut self, path: &Path) {
        let shot = self.call("Page.captureScreenshot", &json!({"format": "png"}));
        let png = STANDARD.decode(shot["data"].as_str().unwrap()).unwrap();
        std::fs::write(path, png).unwrap();
    }

    /// The errors in the console so far: of scripts, of the network, of the content security policy.
    pub fn console_errors(&self) -> &[String] {
        &self.errors
    }

    fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.next_id += 1;
        let mut message = json!({"id": self.next_id, "method": method, "params": parameters});
        if !self.tab.is_empty() {
            message["sessionId"] = self.tab.as_str().into();
        }
        self.input
            .write_all(message.to_string().as_bytes())
            .unwrap();
        self.input.write_all(&[0]).unwrap();
        self.input.flush().unwrap();
        loop {
            let mut message = match self.messages.recv_timeout(STEP_TIMEOUT) {
                Ok(message) => message,
                Err(RecvTimeoutError::Timeout) => panic!("{method}: no response"),
                Err(RecvTimeoutError::Disconnected) => panic!("{method}: Chromium ended"),
            };
            if message["id"] == self.next_id {
                assert!(message.get("error").is_none(), "{method}: {message}");
                return message["result"].take();
            }
            self.record_error(&message);
        }
    }

    fn record_error(&mut self, event: &Value) {
        let parameters = &event["params"];
        let is_error = match event["method"].as_str().unwrap_or_default() {
            "Runtime.exceptionThrown" => true,
            "Runtime.consoleAPICalled" => parameters["type"] == "error",
            "Log.entryAdded" => parameters["entry"]["level"] == "error",
            _ => false,
        };
        if is_error {
            self.errors.push(parameters.to_string());
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
