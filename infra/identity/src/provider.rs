//! The endpoints of the provider: which page or document answers a request.

use std::time::Duration;

use bytes::Bytes;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderName, HeaderValue,
    LOCATION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};
use xtask::oidc::Identity;

use crate::authorization::AuthorizationRequest;
use crate::codes::{Codes, Grant};
use crate::loopback::{LoopbackUrl, is_loopback_authority};
use crate::pages::{self, Rejected};
use crate::parameters::Parameters;
use crate::people;
use crate::tokens::{self, TokenError};

const FORM: &str = "application/x-www-form-urlencoded";
const HTML: &str = "text/html; charset=utf-8";
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Each path with its method.
const ROUTES: [(&str, &str); 8] = [
    ("/", "GET"),
    ("/.well-known/openid-configuration", "GET"),
    ("/authorize", "GET, POST"),
    ("/health", "GET"),
    ("/jwks", "GET"),
    ("/logout", "GET"),
    ("/style.css", "GET"),
    ("/token", "POST"),
];

/// The current time since the epoch.
pub type Clock = Box<dyn Fn() -> Duration + Send + Sync>;

/// The OpenID provider.
pub struct Provider {
    identity: Identity,
    codes: Codes,
    /// Its own URL, without a trailing slash.
    url: String,
    now: Clock,
}

impl Provider {
    /// A provider at `url` that signs with the key of `identity`.
    pub fn new(identity: Identity, url: String, now: Clock) -> Self {
        Self {
            identity,
            codes: Codes::default(),
            url,
            now,
        }
    }

    /// Answers a request.
    pub fn respond(&self, request: &Request<Bytes>) -> Response<Bytes> {
        // A web page whose name resolves to 127.0.0.1 would otherwise read the responses (DNS rebinding).
        let host = header(request, &HOST);
        if !host.is_some_and(is_loopback_authority) {
            let detail = "the host of the URL must be 127.0.0.1 or localhost";
            return failed(StatusCode::MISDIRECTED_REQUEST, "Wrong host", detail);
        }
        let path = request.uri().path();
        match (request.method(), path) {
            (&Method::GET, "/") => html(StatusCode::OK, pages::index()),
            (&Method::GET, "/health") => text("text/plain", "ok"),
            (&Method::GET, "/style.css") => text("text/css; charset=utf-8", pages::STYLE),
            (&Method::GET, "/.well-known/openid-configuration") => {
                json_body(StatusCode::OK, &self.configuration())
            }
            (&Method::GET, "/jwks") => self.key_set(),
            (&Method::GET, "/authorize") => sign_in_page(request),
            (&Method::POST, "/authorize") => self.sign_in(request),
            (&Method::POST, "/token") => self.token(request),
            (&Method::GET, "/logout") => sign_out(request),
            _ => match ROUTES.iter().find(|(known, _)| *known == path) {
                Some((_, methods)) => {
                    let detail = format!("allowed here: {methods}");
                    let status = StatusCode::METHOD_NOT_ALLOWED;
                    let mut response = failed(status, "Wrong method", &detail);
                    let methods = HeaderValue::from_static(methods);
                    response.headers_mut().insert(ALLOW, methods);
                    response
                }
                None => failed(
                    StatusCode::NOT_FOUND,
                    "Not found",
                    "there is no page at this address",
                ),
            },
        }
    }

    /// The metadata of OpenID Connect Discovery 1.0. The issuer is a name, not the address of this document: clients are
    /// configured with the endpoints.
    fn configuration(&self) -> Value {
        let endpoint = |name: &str| format!("{}/{name}", self.url);
        json!({
            "issuer": self.identity.issuer,
            "authorization_endpoint": endpoint("authorize"),
            "token_endpoint": endpoint("token"),
            "end_session_endpoint": endpoint("logout"),
            "jwks_uri": endpoint("jwks"),
            "scopes_supported": ["openid"],
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "token_endpoint_auth_methods_supported": ["none"],
            "code_challenge_methods_supported": ["S256"],
            "claims_supported": ["iss", "aud", "sub", "nonce", "iat", "exp", "name", "role", "location_ids"],
        })
    }

    fn key_set(&self) -> Response<Bytes> {
        match self.identity.key_set() {
            Ok(keys) => text("application/json", keys),
            Err(error) => {
                eprintln!("error: {error}");
                let body = json!({"error": "server_error"});
                json_body(StatusCode::INTERNAL_SERVER_ERROR, &body)
            }
        }
    }

    fn sign_in(&self, request: &Request<Bytes>) -> Response<Bytes> {
        // A page of another site must not choose the person for its visitor.
        if header(request, &FETCH_SITE).is_some_and(|site| site != "same-origin") {
            return sign_in_failed("the form was sent by another site");
        }
        if !is_form(request) {
            return sign_in_failed(&format!("the content type must be `{FORM}`"));
        }
        let (authorization, form) = match authorization(request.body()) {
            Ok(valid) => valid,
            Err(detail) => return sign_in_failed(&detail),
        };
        let person = match people::from_form(&form) {
            Ok(person) => person,
            Err(error) => {
                let rejected = Rejected {
                    form: &form,
                    error: &error,
                };
                return sign_in_html(StatusCode::BAD_REQUEST, &authorization, Some(rejected));
            }
        };
        let redirect_uri = authorization.redirect_uri.clone();
        let state = authorization.state.clone();
        let grant = Grant {
            request: authorization,
            person,
        };
        let code = self.codes.issue(grant, (self.now)());
        redirect(&redirect_uri.with_parameters(&[("code", &code), ("state", &state)]))
    }

    fn token(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let tokens = if is_form(request) {
            Parameters::parse(request.body())
                .map_err(TokenError::from)
                .and_then(|form| tokens::exchange(&form, &self.codes, &self.identity, (self.now)()))
        } else {
            Err(TokenError::InvalidRequest(format!(
                "the content type must be `{FORM}`"
            )))
        };
        match tokens {
            Ok(tokens) => json_body(StatusCode::OK, &tokens),
            Err(error) => {
                if let TokenError::Server(cause) = &error {
                    eprintln!("error: {cause}");
                }
                json_body(error.status(), &error.body())
            }
        }
    }
}

fn sign_in_page(request: &Request<Bytes>) -> Response<Bytes> {
    match authorization(request.uri().query().unwrap_or_default().as_bytes()) {
        Ok((authorization, _)) => sign_in_html(StatusCode::OK, &authorization, None),
        Err(detail) => sign_in_failed(&detail),
    }
}

/// RP-initiated logout (OpenID Connect RP-Initiated Logout 1.0). The provider has no session, so nothing ends here.
fn sign_out(request: &Request<Bytes>) -> Response<Bytes> {
    let query = request.uri().query().unwrap_or_default();
    let parameters = match Parameters::parse(query.as_bytes()) {
        Ok(parameters) => parameters,
        Err(error) => {
            return failed(
                StatusCode::BAD_REQUEST,
                "Sign-out failed",
                &error.to_string(),
            );
        }
    };
    let Some(url) = parameters.get("post_logout_redirect_uri") else {
        return html(StatusCode::OK, pages::signed_out(None));
    };
    match LoopbackUrl::parse(url) {
        Ok(url) => {
            let back = match parameters.get("state") {
                Some(state) => url.with_parameters(&[("state", state)]),
                None => url.to_string(),
            };
            html(StatusCode::OK, pages::signed_out(Some(&back)))
        }
        Err(error) => {
            let detail = format!("the parameter `post_logout_redirect_uri` is wrong; {error}");
            failed(StatusCode::BAD_REQUEST, "Sign-out failed", &detail)
        }
    }
}

/// The valid authorization request in encoded parameters, and all of the parameters.
fn authorization(encoded: &[u8]) -> Result<(AuthorizationRequest, Parameters), String> {
    let parameters = Parameters::parse(encoded).map_err(|error| error.to_string())?;
    let request =
        AuthorizationRequest::from_parameters(&parameters).map_err(|error| error.to_string())?;
    Ok((request, parameters))
}

fn header<'a>(request: &'a Request<Bytes>, name: &HeaderName) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}

fn is_form(request: &Request<Bytes>) -> bool {
    let media_type = header(request, &CONTENT_TYPE)
        .and_then(|value| value.split(';').next())
        .unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case(FORM)
}

fn sign_in_html(
    status: StatusCode,
    request: &AuthorizationRequest,
    rejected: Option<Rejected<'_>>,
) -> Response<Bytes> {
    let mut response = html(status, pages::sign_in(request, rejected));
    let policy = content_security_policy(&pages::form_targets(&request.redirect_uri));
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response
            .headers_mut()
            .insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

fn sign_in_failed(detail: &str) -> Response<Bytes> {
    failed(StatusCode::BAD_REQUEST, "Sign-in failed", detail)
}

/// An error page. `detail` is a sentence without its full stop.
pub fn failed(status: StatusCode, title: &str, detail: &str) -> Response<Bytes> {
    let mut letters = detail.chars();
    let detail: String = letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default();
    html(status, pages::error(title, &detail))
}

fn redirect(url: &str) -> Response<Bytes> {
    let mut response = response(StatusCode::SEE_OTHER, "text/plain", "");
    match HeaderValue::from_str(url) {
        Ok(url) => {
            response.headers_mut().insert(LOCATION, url);
            response
        }
        Err(_) => sign_in_failed("the parameter `redirect_uri` is wrong"),
    }
}

fn html(status: StatusCode, page: String) -> Response<Bytes> {
    response(status, HTML, page)
}

fn text(content_type: &'static str, body: impl Into<Bytes>) -> Response<Bytes> {
    response(StatusCode::OK, content_type, body)
}

fn json_body(status: StatusCode, body: &Value) -> Response<Bytes> {
    response(status, "application/json", body.to_string())
}

fn response(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    // Pages hold the state of one sign-in, and responses of the token endpoint must not be stored (RFC 6749 section 5.1).
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // The address of the sign-in page holds the state: no other origin gets it.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    if let Ok(policy) = HeaderValue::from_str(&content_security_policy("'none'")) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

fn content_security_policy(form_action: &str) -> String {
    format!(
        "default-src 'none'; style-src 'self'; img-src data:; form-action {form_action}; frame-ancestors 'none'; base-uri 'none'"
    )
}
