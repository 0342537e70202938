//! What can go wrong, each as one sentence and a way on.

use std::path::{Path, PathBuf};

/// A result of this tool.
pub type Result<T> = std::result::Result<T, Error>;

/// A failure as the person at the terminal reads it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something that the user brings is not there.
    #[error("{what} is missing. {way_on}")]
    Missing {
        /// What is missing.
        what: String,
        /// How to get it.
        way_on: String,
    },
    /// The port is another program's.
    #[error(
        "port {port} is taken by another program. Choose a free one with `--port`, for example `cargo xtask up --port {other}`"
    )]
    PortTaken {
        /// The port that was asked for.
        port: u16,
        /// One to try.
        other: u16,
    },
    /// Another xtask works on the same cloud.
    #[error("another `cargo xtask` is at work in {}. Wait for it to end, or end it, then run this again", dir.display())]
    Busy {
        /// The cloud's folder.
        dir: PathBuf,
    },
    /// Nothing is running.
    #[error("no local cloud is running. `cargo xtask up` starts one")]
    Down,
    /// A command ended badly.
    #[error("{step} failed. The whole log is in {}; it ends with:\n{tail}", log.display())]
    Failed {
        /// What was being done.
        step: String,
        /// Where all of its output is.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
    /// A command that printed for itself ended badly.
    #[error("{step} failed")]
    Check {
        /// What was being done.
        step: String,
    },
    /// Several checks failed, each already reported.
    #[error("{summary}")]
    Checks {
        /// Which of them.
        summary: String,
    },
    /// Something did not come up in time.
    #[error("{what} did not answer within {seconds} s. {way_on}")]
    Late {
        /// What was waited for.
        what: String,
        /// How long.
        seconds: u64,
        /// Where to look.
        way_on: String,
    },
    /// A file could not be read or written.
    #[error("cannot {verb} {}: {source}", path.display())]
    File {
        /// `read`, `write`, ...
        verb: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file or an answer does not say what it should.
    #[error("{what} cannot be understood: {detail}")]
    Unreadable {
        /// Which file or answer.
        what: String,
        /// What is wrong with it.
        detail: String,
    },
    /// An HTTP call to the local cloud failed.
    #[error(
        "the local cloud did not answer {url}: {detail}. `cargo xtask status` tells whether it runs"
    )]
    Http {
        /// What was called.
        url: String,
        /// What came back.
        detail: String,
    },
    /// The user's input names something that is not there.
    #[error("there is no {kind} `{name}`. Choose from: {known}")]
    Unknown {
        /// A function, a suite, ...
        kind: &'static str,
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// A child told all there is to tell; only its exit code goes on.
    #[error("it ended with exit code {0}")]
    Exit(u8),
}

impl Error {
    /// For `map_err`: a file that could not be `verb`-ed.
    pub fn file(verb: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { verb, path, source }
    }

    /// For `map_err`: something that does not parse.
    pub fn unreadable<E: std::fmt::Display>(what: impl Into<String>) -> impl FnOnce(E) -> Self {
        let what = what.into();
        move |detail| Self::Unreadable {
            what,
            detail: detail.to_string(),
        }
    }

    /// What the process ends with.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Exit(code) => *code,
            _ => 1,
        }
    }
}
