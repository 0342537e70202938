//! A stand-in for Slack's incoming webhooks: a small HTTP server that validates and keeps the messages it receives.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::slack_payload::block_kit_violations;

/// The largest request it reads.
const MAX_REQUEST_BYTES: usize = 256 * 1024;

/// The timeout of one request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// What the stand-in has received.
#[derive(Debug, Clone, Default)]
pub struct Received {
    /// Accepted messages, in order of arrival.
    pub messages: Vec<Value>,
    /// For each rejected message, the rules it violates.
    pub refused: Vec<Vec<String>>,
    /// Number of messages that were rate limited (429).
    pub throttled: u64,
}

/// The stand-in. Dropping it stops the server.
#[derive(Debug)]
pub struct Slack {
    address: SocketAddr,
    received: Arc<Mutex<Received>>,
    serving: JoinHandle<()>,
}

struct Webhook {
    path: String,
    min_interval: Duration,
    last: Mutex<Option<Instant>>,
    received: Arc<Mutex<Received>>,
}

impl Slack {
    /// Listens at `address` for posts to `path`. A message sooner than `min_interval` after the last accepted one is
    /// rate limited.
    pub async fn listen(
        address: SocketAddr,
        path: &str,
        min_interval: Duration,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let received = Arc::<Mutex<Received>>::default();
        let webhook = Arc::new(Webhook {
            path: path.to_owned(),
            min_interval,
            last: Mutex::default(),
            received: received.clone(),
        });
        Ok(Self {
            address: listener.local_addr()?,
            received,
            serving: tokio::spawn(serve(listener, webhook)),
        })
    }

    /// The address it listens at.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has received so far.
    pub fn received(&self) -> Received {
        locked(&self.received).clone()
    }
}

impl Drop for Slack {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, webhook: Arc<Webhook>) {
    while let Ok((stream, _)) = listener.accept().await {
        let webhook = webhook.clone();
        // Errors of a connection are the caller's problem.
        tokio::spawn(async move { timeout(REQUEST_TIMEOUT, webhook.answer(stream)).await });
    }
}

struct Reply {
    status: &'static str,
    body: &'static str,
    retry_after: Option<u64>,
}

impl Reply {
    fn new(status: &'static str, body: &'static str) -> Self {
        Self {
            status,
            body,
            retry_after: None,
        }
    }
}

impl Webhook {
    async fn answer(&self, mut stream: TcpStream) -> io::Result<()> {
        let reply = match read(&mut stream).await? {
            Some((line, body)) => self.reply(&line, &body),
            None => Reply::new("400 Bad Request", "invalid_request"),
        };
        let retry = reply.retry_after.map_or(String::new(), |seconds| {
            format!("retry-after: {seconds}\r\n")
        });
        let text = format!(
            "HTTP/1.1 {}\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n{retry}connection: close\r\n\r\n{}",
            reply.status,
            reply.body.len(),
            reply.body
        );
        stream.write_all(text.as_bytes()).await?;
        stream.shutdown().await
    }

    fn reply(&self, line: &str, body: &[u8]) -> Reply {
        let mut words = line.split(' ');
        if (words.next(), words.next()) != (Some("POST"), Some(self.path.as_str())) {
            return Reply::new("404 Not Found", "no_service");
        }
        let Ok(payload) = serde_json::from_slice::<Value>(body) else {
            locked(&self.received)
                .refused
                .push(vec!["the body is not JSON".into()]);
            return Reply::new("400 Bad Request", "invalid_payload");
        };
        if self.is_rate_limited() {
            locked(&self.received).throttled += 1;
            return Reply {
                retry_after: Some(self.min_interval.as_secs().max(1)),
                ..Reply::new("429 Too Many Requests", "rate_limited")
            };
        }
        let violations = block_kit_violations(&payload);
        let mut received = locked(&self.received);
        if violations.is_empty() {
            received.messages.push(payload);
            Reply::new("200 OK", "ok")
        } else {
            received.refused.push(violations);
            Reply::new("400 Bad Request", "invalid_blocks")
        }
    }

    fn is_rate_limited(&self) -> bool {
        let mut last = locked(&self.last);
        let now = Instant::now();
        let is_too_soon = last.is_some_and(|last| now.duration_since(last) < self.min_interval);
        if !is_too_soon {
            *last = Some(now);
        }
        is_too_soon
    }
}

/// Reads the request line and the body; `None` if the request is malformed, too large or has no content length.
async fn read(stream: &mut TcpStream) -> io::Result<Option<(String, Vec<u8>)>> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if bytes.len() > MAX_REQUEST_BYTES || stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse::<usize>().ok())?
    });
    let Some(length) = length.filter(|length| *length <= MAX_REQUEST_BYTES) else {
        return Ok(None);
    };
    let mut body = bytes.split_off(head + 4);
    while body.len() < length {
        if stream.read_buf(&mut body).await? == 0 {
            return Ok(None);
        }
    }
    body.truncate(length);
    let line = text.lines().next().unwrap_or_default().to_owned();
    Ok(Some((line, body)))
}

fn locked<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}
