//! The part of Lambda's Runtime API that one function needs: hand out an event and take its response.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::{Error, Result, clock};

/// A server on a free port.
pub struct RuntimeApi {
    address: String,
    events: Sender<String>,
    responses: Receiver<String>,
}

impl RuntimeApi {
    /// Starts the server. Its threads end when the function closes its connections.
    pub fn open() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .map_err(Error::file("bind a port of", Path::new("127.0.0.1")))?;
        let address = listener
            .local_addr()
            .map_err(Error::file("bind a port of", Path::new("127.0.0.1")))?
            .to_string();
        let (events, waiting) = channel();
        let (sender, responses) = channel();
        let waiting = Arc::new(Mutex::new(waiting));
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (waiting, sender) = (Arc::clone(&waiting), sender.clone());
                std::thread::spawn(move || serve(&connection, &waiting, &sender));
            }
        });
        Ok(Self {
            address,
            events,
            responses,
        })
    }

    /// `host:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Hands out an event and waits up to 30 s for the response, while the function is alive.
    pub fn invoke(&mut self, event: &str, mut is_alive: impl FnMut() -> bool) -> Result<String> {
        let ended = || Error::Missing {
            what: "the response of the function, which has ended,".into(),
            hint: "`cargo xtask invoke` shows its error".into(),
        };
        self.events.send(event.to_owned()).map_err(|_| ended())?;
        for _ in 0..300 {
            match self.responses.recv_timeout(Duration::from_millis(100)) {
                Ok(response) => return Ok(response),
                Err(RecvTimeoutError::Timeout) if is_alive() => {}
                Err(_) => return Err(ended()),
            }
        }
        Err(Error::Timeout {
            what: "the function".into(),
            seconds: 30,
            hint: "`cargo xtask status` shows whether the local cloud runs".into(),
        })
    }
}

/// Serves one keep-alive connection. Returns when the function closes it.
fn serve(
    connection: &TcpStream,
    waiting: &Mutex<Receiver<String>>,
    responses: &Sender<String>,
) -> Option<()> {
    connection.set_nodelay(true).ok()?;
    let mut writer = connection.try_clone().ok()?;
    let mut reader = BufReader::new(connection.try_clone().ok()?);
    loop {
        let mut request = String::new();
        if reader.read_line(&mut request).ok()? == 0 {
            return None;
        }
        let body = body(&mut reader)?;
        if request.starts_with("GET") {
            let event = waiting
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .recv()
                .ok()?;
            let deadline = clock::since_epoch().as_millis() + 30_000;
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nlambda-runtime-aws-request-id: 8476a536-e9f4-11e8-9739-2dfe598c3fcd\r\nlambda-runtime-deadline-ms: {deadline}\r\nlambda-runtime-invoked-function-arn: arn:aws:lambda:eu-central-1:000000000000:function:bench\r\n\r\n",
                event.len()
            );
            writer.write_all(format!("{head}{event}").as_bytes()).ok()?;
        } else {
            responses
                .send(String::from_utf8_lossy(&body).into_owned())
                .ok()?;
            writer
                .write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")
                .ok()?;
        }
    }
}

/// Reads headers and body, with `Content-Length` or chunked.
fn body(reader: &mut impl BufRead) -> Option<Vec<u8>> {
    let (mut length, mut chunked) = (0, false);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        chunked |= line.starts_with("transfer-encoding:") && line.contains("chunked");
    }
    let mut content = vec![0; length];
    reader.read_exact(&mut content).ok()?;
    while chunked {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let size = usize::from_str_radix(line.trim().split(';').next()?, 16).ok()?;
        let mut chunk = vec![0; size + 2];
        reader.read_exact(&mut chunk).ok()?;
        content.extend_from_slice(&chunk[..size]);
        chunked = size > 0;
    }
    Some(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn body_is_read_by_its_length() {
        let mut request = "Content-Length: 2\r\n\r\nokGET".as_bytes();
        assert_eq!(body(&mut request).unwrap(), b"ok");
        assert_eq!(request, b"GET");
    }

    #[test]
    fn body_is_read_in_chunks() {
        let mut request =
            "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n1\r\n!\r\n0\r\n\r\nGET".as_bytes();
        assert_eq!(body(&mut request).unwrap(), b"ok!");
        assert_eq!(request, b"GET");
    }
}
