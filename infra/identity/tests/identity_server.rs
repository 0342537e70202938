//! The built binary, as `cargo xtask up` starts it: a sign-in over HTTP, a restart, the end.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use xtask::identity_server::{self, IdentityServer};
use xtask::{oidc, process};

const REDIRECT_URI: &str = "http://localhost:4566/callback";
/// The example of RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// Ends the server of a folder, also after a failed assertion.
struct Server(tempfile::TempDir);

impl Server {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn dir(&self) -> &Path {
        self.0.path()
    }

    fn program(&self) -> IdentityServer {
        let key = self.dir().join("key.pem");
        oidc::Identity::ensure(&key).unwrap();
        let binary = PathBuf::from(env!("CARGO_BIN_EXE_stockline-identity"));
        IdentityServer::new(binary, key).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = identity_server::stop(self.dir());
    }
}

/// An HTTP client that follows no redirect.
fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(10)))
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .build()
        .into()
}

#[test]
fn person_signs_in_over_http() {
    // given a running server
    let server = Server::new();
    let running = identity_server::ensure(&server.program(), server.dir(), &[]).unwrap();
    let fields = [
        ("response_type", "code"),
        ("client_id", oidc::DASHBOARD_CLIENT),
        ("redirect_uri", REDIRECT_URI),
        ("scope", "openid"),
        ("state", "state-1"),
        ("nonce", "nonce-1"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let mut page = agent()
        .get(running.endpoint("authorize"))
        .query_pairs(fields)
        .call()
        .unwrap();
    assert_eq!(page.status(), 200);
    assert!(
        page.body_mut()
            .read_to_string()
            .unwrap()
            .contains("Mira Lindt")
    );
    // when the manager signs in and the code is exchanged
    let form = fields.into_iter().chain([("person", "manager")]);
    let response = agent()
        .post(running.endpoint("authorize"))
        .send_form(form)
        .unwrap();
    assert_eq!(response.status(), 303);
    let location = response.headers()["location"].to_str().unwrap();
    let code = location
        .strip_prefix(&format!("{REDIRECT_URI}?code="))
        .unwrap();
    let code = code.strip_suffix("&state=state-1").unwrap();
    let mut response = agent()
        .post(running.endpoint("token"))
        .send_form([
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT_URI),
            ("client_id", oidc::DASHBOARD_CLIENT),
            ("code_verifier", VERIFIER),
        ])
        .unwrap();
    // then there are tokens
    assert_eq!(response.status(), 200);
    let tokens = response.body_mut().read_to_string().unwrap();
    let tokens: Value = serde_json::from_str(&tokens).unwrap();
    assert_eq!(tokens["token_type"], "Bearer");
    assert!(tokens["id_token"].is_string());
}

#[test]
fn large_body_is_rejected() {
    let server = Server::new();
    let running = identity_server::ensure(&server.program(), server.dir(), &[]).unwrap();
    let name = "x".repeat(40_000);
    let response = agent()
        .post(running.endpoint("authorize"))
        .send_form([("name", name.as_str())])
        .unwrap();
    assert_eq!(response.status(), 413);
}

#[test]
fn ended_server_restarts_on_its_port() {
    let server = Server::new();
    let program = server.program();
    let first = identity_server::ensure(&program, server.dir(), &[]).unwrap();
    let reused = identity_server::ensure(&program, server.dir(), &[]).unwrap();
    assert_eq!(reused, first);
    // when the process ends
    process::end_group(first.pid);
    assert_eq!(identity_server::running(server.dir()), None);
    // then a new one has the same address
    let second = identity_server::ensure(&program, server.dir(), &[]).unwrap();
    assert_ne!(second.pid, first.pid);
    assert_eq!(second.url(), first.url());
    assert!(identity_server::stop(server.dir()).unwrap());
    assert!(!identity_server::stop(server.dir()).unwrap());
}

#[test]
fn new_key_restarts_the_server() {
    let server = Server::new();
    let first = identity_server::ensure(&server.program(), server.dir(), &[]).unwrap();
    std::fs::remove_file(server.dir().join("key.pem")).unwrap();
    let second = identity_server::ensure(&server.program(), server.dir(), &[]).unwrap();
    assert_ne!(second.pid, first.pid);
    assert_eq!(identity_server::running(server.dir()), Some(second));
}
