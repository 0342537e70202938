//! One line a step, with its time: nobody should wonder for longer than two seconds.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// A step under way. Ends with a line, whether `done` or dropped by an error.
pub struct Step {
    title: String,
    start: Instant,
    live: bool,
    noted: Duration,
    closed: bool,
}

/// Where no line can be rewritten, a line this often says that work goes on.
const NOTE_EVERY: Duration = Duration::from_secs(20);

impl Step {
    /// Begins a step and says so.
    pub fn begin(title: impl Into<String>) -> Self {
        let step = Self {
            title: title.into(),
            start: Instant::now(),
            live: std::io::stderr().is_terminal(),
            noted: Duration::ZERO,
            closed: false,
        };
        if step.live {
            eprint!("  ...    {}", step.title);
            let _ = std::io::stderr().flush();
        }
        step
    }

    /// What it is called.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Whether a note may be due; cheap, so that logs are not read ten times a second for nothing.
    pub fn due(elapsed: Duration) -> bool {
        elapsed > Duration::from_secs(1)
    }

    /// Says that it goes on, and with what.
    pub fn note(&mut self, elapsed: Duration, what: &str) {
        let seconds = elapsed.as_secs();
        if self.live {
            let what: String = what.chars().filter(|c| !c.is_control()).take(60).collect();
            eprint!("\r\x1b[2K  {seconds:>4} s {}  {what}", self.title);
            let _ = std::io::stderr().flush();
        } else if elapsed >= self.noted + NOTE_EVERY
            || (self.noted.is_zero() && elapsed > Duration::from_secs(2))
        {
            self.noted = elapsed;
            let what: String = what.chars().filter(|c| !c.is_control()).take(100).collect();
            eprintln!("  {seconds:>4} s {} ... {what}", self.title);
        }
    }

    /// Ends it with a word on what came of it.
    pub fn done(mut self, outcome: impl AsRef<str>) {
        self.close(outcome.as_ref());
    }

    fn close(&mut self, outcome: &str) {
        self.closed = true;
        let seconds = self.start.elapsed().as_secs_f32();
        let clear = if self.live { "\r\x1b[2K" } else { "" };
        let separator = if outcome.is_empty() { "" } else { ": " };
        eprintln!("{clear}{seconds:>6.1} s {}{separator}{outcome}", self.title);
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        crate::interrupt::wait_if_ending();
        if !self.closed {
            self.close("FAILED");
        }
    }
}
