//! Progress at the terminal: one line for each step, with its duration. A step that takes longer than two seconds reports its progress.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// A running step. It ends with a line: the result of [`Step::done`], or `FAILED` if the value is dropped before.
pub struct Step {
    title: String,
    start: Instant,
    is_terminal: bool,
    last_note: Duration,
    is_closed: bool,
}

/// Interval of progress lines where the output is no terminal and a line cannot be rewritten.
const NOTE_INTERVAL: Duration = Duration::from_secs(20);

impl Step {
    /// Begins a step and prints its title.
    pub fn begin(title: impl Into<String>) -> Self {
        let step = Self {
            title: title.into(),
            start: Instant::now(),
            is_terminal: std::io::stderr().is_terminal(),
            last_note: Duration::ZERO,
            is_closed: false,
        };
        if step.is_terminal {
            eprint!("  ...    {}", step.title);
            let _ = std::io::stderr().flush();
        }
        step
    }

    /// The title.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Whether a note may be due. Callers check this first, because a note usually needs the last line of a log.
    pub fn is_note_due(elapsed: Duration) -> bool {
        elapsed > Duration::from_secs(1)
    }

    /// Shows `detail` beside the step, after `elapsed` time.
    pub fn note(&mut self, elapsed: Duration, detail: &str) {
        let seconds = elapsed.as_secs();
        if self.is_terminal {
            let detail: String = detail
                .chars()
                .filter(|c| !c.is_control())
                .take(60)
                .collect();
            eprint!("\r\x1b[2K  {seconds:>4} s {}  {detail}", self.title);
            let _ = std::io::stderr().flush();
        } else if elapsed >= self.last_note + NOTE_INTERVAL
            || (self.last_note.is_zero() && elapsed > Duration::from_secs(2))
        {
            self.last_note = elapsed;
            let detail: String = detail
                .chars()
                .filter(|c| !c.is_control())
                .take(100)
                .collect();
            eprintln!("  {seconds:>4} s {} ... {detail}", self.title);
        }
    }

    /// Ends the step with a result, which may be empty.
    pub fn done(mut self, result: impl AsRef<str>) {
        self.close(result.as_ref());
    }

    fn close(&mut self, result: &str) {
        self.is_closed = true;
        let seconds = self.start.elapsed().as_secs_f32();
        let clear = if self.is_terminal { "\r\x1b[2K" } else { "" };
        let separator = if result.is_empty() { "" } else { ": " };
        eprintln!("{clear}{seconds:>6.1} s {}{separator}{result}", self.title);
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        crate::interrupt::block_if_interrupted();
        if !self.is_closed {
            self.close("FAILED");
        }
    }
}
