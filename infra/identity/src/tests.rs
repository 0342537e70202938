//! The provider's rules as stories of HTTP requests, with a clock that the test sets.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION};
use hyper::{Request, Response, StatusCode};
use serde_json::{Value, json};
use xtask::oidc::Identity;

use crate::provider::Provider;

/// The example of RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const REDIRECT_URI: &str = "http://127.0.0.1:4566/callback";
const START: u64 = 1_800_000_000;

struct Fixture {
    provider: Provider,
    now: Arc<AtomicU64>,
    _folder: tempfile::TempDir,
}

type Fields<'a> = Vec<(&'a str, &'a str)>;

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let identity = Identity::ensure(&folder.path().join("key.pem")).unwrap();
        let now = Arc::new(AtomicU64::new(START));
        let clock = now.clone();
        Self {
            provider: Provider::new(
                identity,
                "http://127.0.0.1:1".into(),
                Box::new(move || Duration::from_secs(clock.load(Ordering::Relaxed))),
            ),
            now,
            _folder: folder,
        }
    }

    fn get(&self, path: &str) -> Response<Bytes> {
        let request = Request::get(path).header("host", "127.0.0.1:1");
        self.provider.respond(&request.body(Bytes::new()).unwrap())
    }

    fn post(&self, path: &str, fields: &Fields) -> Response<Bytes> {
        let request = Request::post(path)
            .header("host", "localhost:1")
            .header("content-type", "application/x-www-form-urlencoded");
        let body = Bytes::from(encoded(fields));
        self.provider.respond(&request.body(body).unwrap())
    }

    /// Signs a person in and returns the code.
    fn code_for(&self, person: Fields) -> String {
        let mut fields = authorization();
        fields.extend(person);
        let response = self.post("/authorize", &fields);
        assert_eq!(
            response.status(),
            StatusCode::SEE_OTHER,
            "{}",
            text(&response)
        );
        let location = response.headers()[LOCATION].to_str().unwrap();
        let query = location.strip_prefix(&format!("{REDIRECT_URI}?")).unwrap();
        let mut parameters = form_urlencoded::parse(query.as_bytes()).into_owned();
        let code = parameters.next().unwrap();
        assert_eq!(code.0, "code");
        let state = parameters.next().unwrap();
        assert_eq!(state, ("state".to_owned(), "state & 1".to_owned()));
        code.1
    }
}

fn authorization() -> Fields<'static> {
    vec![
        ("response_type", "code"),
        ("client_id", "stockline-dashboard"),
        ("redirect_uri", REDIRECT_URI),
        ("scope", "openid"),
        ("state", "state & 1"),
        ("nonce", "nonce-1"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]
}

fn token_request(code: &str) -> Fields<'_> {
    vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT_URI),
        ("client_id", "stockline-dashboard"),
        ("code_verifier", VERIFIER),
    ]
}

fn with<'a>(mut fields: Fields<'a>, name: &str, value: &'a str) -> Fields<'a> {
    for field in &mut fields {
        if field.0 == name {
            field.1 = value;
        }
    }
    fields
}

fn encoded(fields: &Fields) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(fields);
    query.finish()
}

fn text(response: &Response<Bytes>) -> String {
    String::from_utf8(response.body().to_vec()).unwrap()
}

fn json_of(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).unwrap()
}

fn claims(token: &Value) -> Value {
    let payload = token.as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

#[test]
fn signed_in_person_is_in_both_tokens() {
    // given a manager who signed in
    let fixture = Fixture::new();
    let code = fixture.code_for(vec![("person", "regional-manager")]);
    // when the dashboard exchanges the code
    let response = fixture.post("/token", &token_request(&code));
    // then both tokens describe the manager, each for its audience
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
    let tokens = json_of(&response);
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(tokens["expires_in"], 3600);
    assert_eq!(
        claims(&tokens["id_token"]),
        json!({
            "iss": "https://identity.stockline.local", "aud": "stockline-dashboard", "sub": "regional-manager",
            "nonce": "nonce-1", "name": "Ravi Anand", "role": "store_manager", "location_ids": ["store-1", "store-2"],
            "iat": START, "exp": START + 600,
        })
    );
    let access = claims(&tokens["access_token"]);
    assert_eq!(access["aud"], "stockline-api");
    assert_eq!(access["sub"], "regional-manager");
    assert_eq!(access["location_ids"], json!(["store-1", "store-2"]));
}

#[test]
fn administrator_has_no_location_claim() {
    let fixture = Fixture::new();
    let code = fixture.code_for(vec![("person", "administrator")]);
    let tokens = json_of(&fixture.post("/token", &token_request(&code)));
    for token in ["id_token", "access_token"] {
        assert_eq!(claims(&tokens[token])["role"], "admin");
        assert_eq!(claims(&tokens[token]).get("location_ids"), None);
    }
}

#[test]
fn form_signs_in_any_other_person() {
    let fixture = Fixture::new();
    let code = fixture.code_for(vec![
        ("name", "Zoë"),
        ("role", "logistics"),
        ("location_ids", "warehouse-2, warehouse-3"),
    ]);
    let tokens = json_of(&fixture.post("/token", &token_request(&code)));
    let claims = claims(&tokens["id_token"]);
    assert_eq!(claims["name"], "Zoë");
    assert_eq!(claims["role"], "logistics");
    assert_eq!(
        claims["location_ids"],
        json!(["warehouse-2", "warehouse-3"])
    );
}

#[test]
fn code_is_used_once_within_a_minute() {
    let fixture = Fixture::new();
    let error = |code: &str| {
        let response = fixture.post("/token", &token_request(code));
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        json_of(&response)["error"].clone()
    };
    // given a code that was exchanged, and one that is a minute old
    let used = fixture.code_for(vec![("person", "till")]);
    let first = fixture.post("/token", &token_request(&used));
    assert_eq!(first.status(), StatusCode::OK);
    let old = fixture.code_for(vec![("person", "till")]);
    fixture.now.fetch_add(60, Ordering::Relaxed);
    // then neither is exchanged
    assert_eq!(error(&used), "invalid_grant");
    assert_eq!(error(&old), "invalid_grant");
}

#[test]
fn token_errors_are_those_of_rfc_6749() {
    let fixture = Fixture::new();
    let other_verifier = "x".repeat(43);
    for (name, value, status, error) in [
        ("grant_type", "password", 400, "unsupported_grant_type"),
        ("grant_type", "", 400, "invalid_request"),
        ("client_id", "another", 401, "invalid_client"),
        ("code", "guessed", 400, "invalid_grant"),
        ("code", "", 400, "invalid_request"),
        (
            "redirect_uri",
            "http://127.0.0.1:1/callback",
            400,
            "invalid_grant",
        ),
        ("code_verifier", &other_verifier, 400, "invalid_grant"),
        ("code_verifier", "short", 400, "invalid_request"),
    ] {
        let code = fixture.code_for(vec![("person", "till")]);
        let response = fixture.post("/token", &with(token_request(&code), name, value));
        assert_eq!(response.status(), status, "{name}={value}");
        let body = json_of(&response);
        assert_eq!(body["error"], error, "{name}={value}");
        assert!(body["error_description"].is_string());
    }
}

#[test]
fn repeated_token_parameter_is_rejected() {
    let fixture = Fixture::new();
    let mut fields = token_request("code");
    fields.push(("code", "code"));
    let body = json_of(&fixture.post("/token", &fields));
    assert_eq!(body["error"], "invalid_request");
    let description = body["error_description"].as_str().unwrap();
    assert!(description.contains("`code`"), "{description}");
}

#[test]
fn sign_in_page_has_a_button_for_each_person() {
    let fixture = Fixture::new();
    let response = fixture.get(&format!("/authorize?{}", encoded(&authorization())));
    assert_eq!(response.status(), StatusCode::OK);
    let page = text(&response);
    assert_eq!(page.matches("<button name=\"person\"").count(), 6);
    assert!(!page.contains("<script"));
    // Browsers apply form-action to the redirect after the form.
    let policy = response.headers()[CONTENT_SECURITY_POLICY]
        .to_str()
        .unwrap();
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    let form_action = "form-action 'self' http://127.0.0.1:4566;";
    assert!(policy.contains(form_action), "{policy}");
}

#[test]
fn wrong_request_is_an_error_page_without_a_form() {
    let fixture = Fixture::new();
    for (name, value) in [
        ("redirect_uri", "https://shop.example/callback"),
        ("client_id", "another"),
        ("response_type", "token"),
        ("scope", "profile"),
        ("state", ""),
        ("nonce", ""),
        ("code_challenge", "x"),
        ("code_challenge_method", "plain"),
    ] {
        let fields = with(authorization(), name, value);
        let mut submitted = fields.clone();
        submitted.push(("person", "administrator"));
        for response in [
            fixture.get(&format!("/authorize?{}", encoded(&fields))),
            fixture.post("/authorize", &submitted),
        ] {
            assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{name}");
            let page = text(&response);
            assert!(page.contains(&format!("`{name}`")), "{page}");
            assert!(!page.contains("<form"), "{page}");
        }
    }
}

#[test]
fn markup_in_parameters_is_escaped() {
    // given parameters that would close an attribute and open a tag
    let attack = "\"><script>alert(1)</script>";
    let fixture = Fixture::new();
    let fields = with(authorization(), "state", attack);
    let mut rejected = fields.clone();
    rejected.extend([
        ("name", attack),
        ("role", "admin"),
        ("location_ids", attack),
    ]);
    // when they are shown as hidden fields and as entered values
    let pages = [
        fixture.get(&format!("/authorize?{}", encoded(&fields))),
        fixture.post("/authorize", &rejected),
    ];
    // then they are text
    for page in pages {
        let page = text(&page);
        assert!(page.contains("&quot;&gt;&lt;script&gt;"), "{page}");
        assert!(!page.contains("<script"), "{page}");
    }
}

#[test]
fn wrong_field_is_shown_beside_its_input() {
    let fixture = Fixture::new();
    let mut fields = authorization();
    fields.extend([
        ("name", "Zoë"),
        ("role", "analyst"),
        ("location_ids", "store 1"),
    ]);
    let response = fixture.post("/authorize", &fields);
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let page = text(&response);
    assert!(
        page.contains("Error: “store 1” is no location id."),
        "{page}"
    );
    assert!(page.contains("value=\"Zoë\""), "{page}");
    assert!(
        page.contains("<option value=\"analyst\" selected>"),
        "{page}"
    );
    let described = "aria-describedby=\"location_ids-hint location_ids-error\"";
    assert!(page.contains(described), "{page}");
}

#[test]
fn form_of_another_site_is_rejected() {
    let fixture = Fixture::new();
    let mut fields = authorization();
    fields.push(("person", "administrator"));
    let request = |site: &str| {
        Request::post("/authorize")
            .header("host", "127.0.0.1:1")
            .header("sec-fetch-site", site)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from(encoded(&fields)))
            .unwrap()
    };
    let status = |site: &str| fixture.provider.respond(&request(site)).status();
    assert_eq!(status("cross-site"), StatusCode::BAD_REQUEST);
    assert_eq!(status("same-site"), StatusCode::BAD_REQUEST);
    assert_eq!(status("same-origin"), StatusCode::SEE_OTHER);
}

#[test]
fn foreign_host_is_rejected() {
    let fixture = Fixture::new();
    for host in ["shop.example", "localhost.shop.example:80", ""] {
        let request = Request::get("/jwks").header("host", host);
        let response = fixture
            .provider
            .respond(&request.body(Bytes::new()).unwrap());
        assert_eq!(response.status(), StatusCode::MISDIRECTED_REQUEST, "{host}");
    }
}

#[test]
fn signed_out_page_links_to_this_machine_only() {
    let fixture = Fixture::new();
    let page = |query: &str| {
        let response = fixture.get(&format!("/logout{query}"));
        (response.status(), text(&response))
    };
    let back = "?post_logout_redirect_uri=http%3A%2F%2Flocalhost%3A4566%2Fbye&state=a%22b";
    let (status, shown) = page(back);
    assert_eq!(status, StatusCode::OK);
    let link = "<a href=\"http://localhost:4566/bye?state=a%22b\">";
    assert!(shown.contains(link), "{shown}");
    let (status, shown) = page("");
    assert_eq!(status, StatusCode::OK);
    assert!(!shown.contains("<a "), "{shown}");
    for url in ["https://shop.example/", "javascript:alert(1)"] {
        let (status, shown) = page(&format!("?post_logout_redirect_uri={url}"));
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(!shown.contains(url), "{shown}");
    }
}

#[test]
fn configuration_names_the_endpoints() {
    let fixture = Fixture::new();
    let response = fixture.get("/.well-known/openid-configuration");
    let configuration = json_of(&response);
    for (endpoint, path) in [
        ("authorization_endpoint", "/authorize"),
        ("token_endpoint", "/token"),
        ("end_session_endpoint", "/logout"),
        ("jwks_uri", "/jwks"),
    ] {
        let url = configuration[endpoint].as_str().unwrap();
        assert_eq!(url.strip_prefix("http://127.0.0.1:1"), Some(path));
    }
    let keys = json_of(&fixture.get("/jwks"));
    assert_eq!(keys["keys"][0]["alg"], "ES256");
}

#[test]
fn unknown_path_and_wrong_method_are_named() {
    let fixture = Fixture::new();
    assert_eq!(fixture.get("/userinfo").status(), StatusCode::NOT_FOUND);
    let response = fixture.get("/token");
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()[ALLOW], "POST");
    let response = fixture.post("/logout", &Vec::new());
    assert_eq!(response.headers()[ALLOW], "GET");
}
