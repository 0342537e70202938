//! HTTP clients for servers on this machine, and free ports.

use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use crate::{Error, Result};

/// An HTTP client that uses no proxy and returns every status as a response.
pub fn agent(timeout: Duration) -> ureq::Agent {
    ureq::Agent::config_builder()
        .timeout_global(Some(timeout))
        .http_status_as_error(false)
        .proxy(None)
        .build()
        .into()
}

/// The HTTP status of a GET request, or `None` if there is no response within two seconds.
pub fn get_status(url: &str) -> Option<u16> {
    let response = agent(Duration::from_secs(2)).get(url).call().ok()?;
    Some(response.status().as_u16())
}

/// Whether a server can listen on this port of 127.0.0.1.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

/// A free port of 127.0.0.1 that is not in `excluded`.
pub fn free_port(excluded: &[u16]) -> Result<u16> {
    let address = Path::new("127.0.0.1");
    // Every candidate stays bound until one is chosen, so that the system does not offer it again.
    let mut bound = Vec::new();
    loop {
        let listener =
            TcpListener::bind(("127.0.0.1", 0)).map_err(Error::file("bind a port of", address))?;
        let port = listener
            .local_addr()
            .map_err(Error::file("bind a port of", address))?
            .port();
        bound.push(listener);
        if !excluded.contains(&port) {
            return Ok(port);
        }
    }
}
