//! Lambda's Runtime API as far as one function needs it: hand out an event, take the answer, and time both.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::{Error, Result, clock};

/// A server on a port of its own.
pub struct RuntimeApi {
    address: String,
    events: Sender<String>,
    answers: Receiver<String>,
}

impl RuntimeApi {
    /// Listens. Its threads end with the function that talks to it.
    pub fn open() -> Result<Self> {
        let listener =
            TcpListener::bind(("127.0.0.1", 0)).map_err(Error::unreadable("a free port"))?;
        let address = listener
            .local_addr()
            .map_err(Error::unreadable("a free port"))?
            .to_string();
        let (events, waiting) = channel();
        let (answered, answers) = channel();
        let waiting = Arc::new(Mutex::new(waiting));
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (waiting, answered) = (Arc::clone(&waiting), answered.clone());
                std::thread::spawn(move || serve(&connection, &waiting, &answered));
            }
        });
        Ok(Self {
            address,
            events,
            answers,
        })
    }

    /// `host:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Hands out an event and waits for its answer, as long as the function lives.
    pub fn invoke(&mut self, event: &str, mut alive: impl FnMut() -> bool) -> Result<String> {
        let ended = || Error::Missing {
            what: "an answer from the function (it ended)".into(),
            way_on: "`cargo xtask invoke` shows what it says".into(),
        };
        self.events.send(event.to_owned()).map_err(|_| ended())?;
        for _ in 0..300 {
            match self.answers.recv_timeout(Duration::from_millis(100)) {
                Ok(answer) => return Ok(answer),
                Err(RecvTimeoutError::Timeout) if alive() => {}
                Err(_) => return Err(ended()),
            }
        }
        Err(Error::Late {
            what: "the function".into(),
            seconds: 30,
            way_on: "`cargo xtask status` tells whether the cloud runs".into(),
        })
    }
}

/// One connection, kept alive. Its end is the function's end.
fn serve(
    connection: &TcpStream,
    waiting: &Mutex<Receiver<String>>,
    answered: &Sender<String>,
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
            answered
                .send(String::from_utf8_lossy(&body).into_owned())
                .ok()?;
            writer
                .write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")
                .ok()?;
        }
    }
}

/// Reads the headers and the body after them, with a length or in chunks.
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
    fn a_body_is_read_by_its_length() {
        let mut request = "Content-Length: 2\r\n\r\nokGET".as_bytes();
        assert_eq!(body(&mut request).unwrap(), b"ok");
        assert_eq!(request, b"GET");
    }

    #[test]
    fn a_body_is_read_in_chunks() {
        let mut request =
            "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n1\r\n!\r\n0\r\n\r\nGET".as_bytes();
        assert_eq!(body(&mut request).unwrap(), b"ok!");
        assert_eq!(request, b"GET");
    }
}
