//! The errors of this tool. Each message is one sentence that ends with what to do.

use std::path::{Path, PathBuf};

/// A result of this tool.
pub type Result<T> = std::result::Result<T, Error>;

/// A failure, as it is printed at the terminal.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program, a variable or a target is not installed or not set.
    #[error("{what} is missing. {hint}")]
    Missing {
        /// What is missing.
        what: String,
        /// How to get it.
        hint: String,
    },
    /// Another program listens on the port.
    #[error(
        "port {port} is taken by another program. Choose a free one with `--port`, for example `cargo xtask up --port {free}`"
    )]
    PortTaken {
        /// The requested port.
        port: u16,
        /// A free port.
        free: u16,
    },
    /// Another xtask holds the lock of this cloud.
    #[error("another `cargo xtask` uses {}. Wait for it to end, or end it, then run this again", dir.display())]
    Busy {
        /// The cloud's folder.
        dir: PathBuf,
    },
    /// No local cloud is running.
    #[error("no local cloud is running. `cargo xtask up` starts one")]
    NotRunning,
    /// A command whose output went to a log failed.
    #[error("{step} failed. The whole log is in {}; it ends with:\n{tail}", log.display())]
    Failed {
        /// The step that the command belongs to.
        step: String,
        /// The file with the command's whole output.
        log: PathBuf,
        /// The last lines of the log.
        tail: String,
    },
    /// A command that printed its own output failed.
    #[error("{step} failed")]
    Check {
        /// The step that the command belongs to.
        step: String,
    },
    /// Several suites failed. Each of them is reported already.
    #[error("{summary}")]
    Checks {
        /// Which suites, and how to run only these.
        summary: String,
    },
    /// A server did not answer in time.
    #[error("{what} did not answer within {seconds} s. {hint}")]
    Timeout {
        /// The server.
        what: String,
        /// The time limit.
        seconds: u64,
        /// Where to look for the cause.
        hint: String,
    },
    /// An operation on a file failed.
    #[error("cannot {verb} {}: {source}", path.display())]
    File {
        /// `read`, `write`, ...
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A file, a response or a command's output has unexpected content.
    #[error("cannot read {what}: {detail}")]
    Unreadable {
        /// The source of the content.
        what: String,
        /// What is wrong with it.
        detail: String,
    },
    /// An HTTP call to the local cloud failed.
    #[error(
        "the call to {url} failed: {detail}. `cargo xtask status` shows whether the local cloud runs"
    )]
    Http {
        /// The URL.
        url: String,
        /// The transport error, or status and body.
        detail: String,
    },
    /// A name in the user's input does not exist.
    #[error("there is no {kind} `{name}`. Choose from: {known}")]
    Unknown {
        /// The kind of thing, for example `function`.
        kind: &'static str,
        /// The name in the input.
        name: String,
        /// All valid names.
        known: String,
    },
    /// A server listens on an address that other machines can reach.
    #[error(
        "{name} listens on {addresses}, which other machines can reach. It must listen on loopback addresses only"
    )]
    Exposed {
        /// The server.
        name: String,
        /// Its addresses beyond loopback.
        addresses: String,
    },
    /// A child process failed after it printed the reason. Only its exit code is passed on.
    #[error("the child process ended with exit code {0}")]
    Exit(u8),
}

impl Error {
    /// For `map_err`: the operation `verb` on the file `path` failed.
    pub fn file(verb: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { verb, path, source }
    }

    /// For `map_err`: the content of `what` cannot be parsed.
    pub fn unreadable<E: std::fmt::Display>(what: impl Into<String>) -> impl FnOnce(E) -> Self {
        let what = what.into();
        move |detail| Self::Unreadable {
            what,
            detail: detail.to_string(),
        }
    }

    /// The exit code of this tool after this error.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Exit(code) => *code,
            _ => 1,
        }
    }
}
