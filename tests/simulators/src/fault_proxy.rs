//! A reverse proxy that injects faults of networks and overloaded services into requests.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, TRANSFER_ENCODING};
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// A fault that the proxy injects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The service throttles the request.
    Throttled,
    /// The service answers `TransactionConflict` and writes nothing. Only `TransactWriteItems` requests get it.
    Conflict,
    /// The connection breaks before the request reaches the service.
    LostRequest,
    /// The connection breaks after the service executed the request.
    LostResponse,
    /// The request is delayed by less than 150 ms.
    Delayed,
    /// The service answers a 5xx error and does nothing.
    Failed,
}

impl Fault {
    /// All faults.
    pub const ALL: [Self; 6] = [
        Self::Throttled,
        Self::Conflict,
        Self::LostRequest,
        Self::LostResponse,
        Self::Delayed,
        Self::Failed,
    ];

    /// The label in the table of results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::Conflict => "conflicts",
            Self::LostRequest => "lost requests",
            Self::LostResponse => "lost responses",
            Self::Delayed => "delayed",
            Self::Failed => "failed",
        }
    }
}

/// The kind of service behind the proxy, which determines the form of its errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamKind {
    /// DynamoDB.
    DynamoDb,
    /// API Gateway.
    ApiGateway,
}

/// Faults per thousand requests, in the order of [`Fault::ALL`].
pub type FaultRates = [u32; 6];

/// What a proxy has counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProxyCounts {
    /// Requests received.
    pub requests: u64,
    /// Faults injected, in the order of [`Fault::ALL`].
    pub faults: [u64; 6],
}

/// A proxy on a free port of 127.0.0.1. Dropping it stops the proxy.
#[derive(Debug)]
pub struct FaultProxy {
    url: String,
    proxy: Arc<Proxy>,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct Proxy {
    upstream: String,
    upstream_kind: UpstreamKind,
    rates: FaultRates,
    http: reqwest::Client,
    rng: Mutex<Rng>,
    are_faults_enabled: AtomicBool,
    requests: AtomicU64,
    faults: [AtomicU64; 6],
}

impl FaultProxy {
    /// Starts a proxy for `upstream` (scheme and authority), without faults.
    pub async fn start(
        upstream: &str,
        upstream_kind: UpstreamKind,
        rates: FaultRates,
    ) -> std::io::Result<Self> {
        // Fails if a crypto provider is installed already; any provider will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let http = reqwest::Client::builder()
            .no_proxy()
            .build()
            .map_err(std::io::Error::other)?;
        let proxy = Arc::new(Proxy {
            upstream: upstream.trim_end_matches('/').to_owned(),
            upstream_kind,
            rates,
            http,
            rng: Mutex::new(Rng::with_seed(0)),
            are_faults_enabled: AtomicBool::new(false),
            requests: AtomicU64::new(0),
            faults: Default::default(),
        });
        let server = tokio::spawn(accept(listener, Arc::clone(&proxy)));
        Ok(Self { url, proxy, server })
    }

    /// The URL it listens at.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Starts to inject faults; `seed` seeds their choice.
    pub fn enable_faults(&self, seed: u64) {
        *self
            .proxy
            .rng
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Rng::with_seed(seed);
        self.proxy.are_faults_enabled.store(true, Ordering::SeqCst);
    }

    /// Stops injecting faults.
    pub fn disable_faults(&self) {
        self.proxy.are_faults_enabled.store(false, Ordering::SeqCst);
    }

    /// The counts so far.
    pub fn counts(&self) -> ProxyCounts {
        ProxyCounts {
            requests: self.proxy.requests.load(Ordering::SeqCst),
            faults: self
                .proxy
                .faults
                .each_ref()
                .map(|count| count.load(Ordering::SeqCst)),
        }
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn accept(listener: TcpListener, proxy: Arc<Proxy>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, Arc::clone(&proxy)));
    }
}

async fn serve(stream: TcpStream, proxy: Arc<Proxy>) {
    // Without this, Nagle's algorithm delays each small response by 40 ms.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| {
        let proxy = Arc::clone(&proxy);
        async move { proxy.forward(request).await }
    });
    // An error here is a connection that the proxy broke on purpose.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// The connection is closed without a response.
#[derive(Debug, thiserror::Error)]
#[error("the proxy closed the connection")]
struct ConnectionBroken;

impl From<reqwest::Error> for ConnectionBroken {
    fn from(_: reqwest::Error) -> Self {
        Self
    }
}

impl From<hyper::Error> for ConnectionBroken {
    fn from(_: hyper::Error) -> Self {
        Self
    }
}

impl Proxy {
    async fn forward(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, ConnectionBroken> {
        let (head, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let fault = self.choose_fault(is_transaction(&head.headers));
        match fault {
            Some(Fault::LostRequest) => return Err(ConnectionBroken),
            Some(Fault::Throttled) => return Ok(self.throttled_response(&body)),
            Some(Fault::Conflict) => return Ok(conflict_response(&body)),
            Some(Fault::Failed) => return Ok(self.failed_response()),
            Some(Fault::Delayed) => sleep(self.random_delay()).await,
            Some(Fault::LostResponse) | None => {}
        }
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let response = self
            .http
            .request(head.method, format!("{}{path}", self.upstream))
            .headers(without_hop_by_hop(head.headers))
            .body(body)
            .send()
            .await?;
        let (status, headers) = (
            response.status(),
            without_hop_by_hop(response.headers().clone()),
        );
        let body = response.bytes().await?;
        if fault == Some(Fault::LostResponse) {
            return Err(ConnectionBroken);
        }
        let mut forwarded = Response::new(Full::new(body));
        *forwarded.status_mut() = status;
        *forwarded.headers_mut() = headers;
        Ok(forwarded)
    }

    /// Chooses the fault of the next request and counts it.
    fn choose_fault(&self, is_transaction: bool) -> Option<Fault> {
        self.requests.fetch_add(1, Ordering::SeqCst);
        if !self.are_faults_enabled.load(Ordering::SeqCst) {
            return None;
        }
        let mut remaining = self.draw(1000);
        for (number, rate) in self.rates.into_iter().enumerate() {
            let Some(next) = remaining.checked_sub(rate) else {
                let fault = Fault::ALL[number];
                if fault == Fault::Conflict && !is_transaction {
                    return None;
                }
                self.faults[number].fetch_add(1, Ordering::SeqCst);
                return Some(fault);
            };
            remaining = next;
        }
        None
    }

    fn draw(&self, below: u32) -> u32 {
        let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
        rng.u32(0..below)
    }

    fn random_delay(&self) -> Duration {
        Duration::from_millis(self.draw(150).into())
    }

    fn throttled_response(&self, body: &Bytes) -> Response<Full<Bytes>> {
        if self.upstream_kind == UpstreamKind::ApiGateway {
            let message = json!({"message": "Too Many Requests"});
            return error_response(StatusCode::TOO_MANY_REQUESTS, "application/json", &message);
        }
        // DynamoDB sends either error; the parity of the body length picks one.
        let kind = if body.len().is_multiple_of(2) {
            "ThrottlingException"
        } else {
            "ProvisionedThroughputExceededException"
        };
        dynamodb_error(
            StatusCode::BAD_REQUEST,
            kind,
            json!({"message": "Rate exceeded"}),
        )
    }

    fn failed_response(&self) -> Response<Full<Bytes>> {
        if self.upstream_kind == UpstreamKind::ApiGateway {
            let message = json!({"message": "Internal server error"});
            return error_response(StatusCode::BAD_GATEWAY, "application/json", &message);
        }
        dynamodb_error(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalServerError",
            json!({"message": "Internal server error"}),
        )
    }
}

fn is_transaction(headers: &HeaderMap) -> bool {
    headers
        .get("x-amz-target")
        .is_some_and(|target| target.as_bytes().ends_with(b".TransactWriteItems"))
}

/// A conflict as DynamoDB reports it: one cancellation reason per item, of which the last is the conflict.
fn conflict_response(body: &Bytes) -> Response<Full<Bytes>> {
    let sent: Value = serde_json::from_slice(body).unwrap_or_default();
    let items = sent["TransactItems"].as_array().map_or(1, Vec::len).max(1);
    let codes: Vec<&str> = (1..=items)
        .map(|item| {
            if item == items {
                "TransactionConflict"
            } else {
                "None"
            }
        })
        .collect();
    let reasons: Vec<Value> = codes
        .iter()
        .map(|code| match *code {
            "None" => json!({"Code": "None"}),
            code => json!({"Code": code, "Message": "Transaction is ongoing for the item"}),
        })
        .collect();
    let message = format!(
        "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
        codes.join(", ")
    );
    dynamodb_error(
        StatusCode::BAD_REQUEST,
        "TransactionCanceledException",
        json!({"Message": message, "CancellationReasons": reasons}),
    )
}

fn dynamodb_error(status: StatusCode, kind: &str, mut body: Value) -> Response<Full<Bytes>> {
    body["__type"] = format!("com.amazonaws.dynamodb.v20120810#{kind}").into();
    error_response(status, "application/x-amz-json-1.0", &body)
}

fn error_response(
    status: StatusCode,
    media_type: &'static str,
    body: &Value,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert(
        CONTENT_TYPE,
        hyper::header::HeaderValue::from_static(media_type),
    );
    response
}

/// Removes hop-by-hop headers. `Host` stays, because AWS requests are signed with it.
fn without_hop_by_hop(mut headers: HeaderMap) -> HeaderMap {
    const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
    for name in [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, KEEP_ALIVE] {
        headers.remove(name);
    }
    headers
}
