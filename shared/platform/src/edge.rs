//! The HTTP edge: what API Gateway sends becomes a [`Call`]; what a handler answers becomes a response.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use futures::FutureExt;
use lambda_http::http::{HeaderMap, Method, Response};
use lambda_http::request::RequestContext;
use lambda_http::{Body, Request, RequestExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use stockline_domain::caller::{Caller, Locations, Role};
use stockline_domain::invalid::Invalid;
use tracing::Instrument;

use crate::cursor::CursorKey;
use crate::problem::{Problem, ProblemKind};
use crate::strict_json::{self, Fault};
use crate::telemetry;
use stockline_application::deadline::Deadline;
use stockline_application::paging::{Page, Position};
use stockline_application::trace::{Cause, Traceparent};

/// The largest body that is read, in bytes.
pub const MAX_BODY: usize = 64 * 1024;

/// Kept back from a call's deadline to answer within it.
const TIME_TO_ANSWER: Duration = Duration::from_millis(500);

/// One request, with its caller verified by the authorizer.
#[derive(Debug, Clone)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// The operation's path as the API declares it, such as `/v1/orders/{order_id}`.
    pub resource: String,
    /// Who calls.
    pub caller: Caller,
    /// When the caller gives up.
    pub deadline: Deadline,
    /// The id of this request in every log line and problem.
    pub request_id: String,
    /// The id that follows what this request causes through every message.
    pub correlation_id: String,
    headers: HeaderMap,
    path: Vec<(String, String)>,
    query: Vec<(String, String)>,
    body: Vec<u8>,
}

/// What a handler answers when the request is done.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    status: u16,
    body: Value,
    replayed: bool,
}

impl Reply {
    /// 200 with `body`.
    pub fn ok<T: Serialize>(body: &T) -> Result<Self, Problem> {
        Self::with_status(200, body)
    }

    /// 201 with `body`.
    pub fn created<T: Serialize>(body: &T) -> Result<Self, Problem> {
        Self::with_status(201, body)
    }

    fn with_status<T: Serialize>(status: u16, body: &T) -> Result<Self, Problem> {
        let body = serde_json::to_value(body).map_err(|error| {
            tracing::error!(%error, "the answer cannot be written as JSON");
            Problem::internal()
        })?;
        Ok(Self {
            status,
            body,
            replayed: false,
        })
    }

    /// Marked as the answer to a request that had been done before.
    pub fn replayed(mut self) -> Self {
        self.replayed = true;
        self
    }

    /// The status, for tests.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The body, for tests.
    pub fn body(&self) -> &Value {
        &self.body
    }

    /// Whether it answers a request that had been done before, for tests.
    pub fn is_replayed(&self) -> bool {
        self.replayed
    }
}

impl Call {
    /// Reads what API Gateway sent.
    ///
    /// # Errors
    /// A problem when the authorizer's word on the caller is missing or cannot be read.
    pub fn read(request: &Request) -> Result<Self, Problem> {
        let context = request.request_context_ref();
        let Some(RequestContext::ApiGatewayV1(gateway)) = context else {
            tracing::error!("the event is not of a REST API");
            return Err(Problem::internal());
        };
        let said = |name: &str| gateway.authorizer.fields.get(name).and_then(Value::as_str);
        let caller = caller(said).ok_or_else(|| {
            tracing::error!("the authorizer said nothing of the caller that can be read");
            Problem::new(ProblemKind::Forbidden, "The caller is not known.")
        })?;
        let request_id = gateway.request_id.clone().unwrap_or_default();
        let headers = request.headers().clone();
        let correlation_id = headers
            .get("x-correlation-id")
            .and_then(|value| value.to_str().ok())
            .filter(|value| is_visible_ascii(value, 128))
            .map_or_else(|| request_id.clone(), str::to_owned);
        let pairs = |map: lambda_http::aws_lambda_events::query_map::QueryMap| {
            map.iter()
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .collect::<Vec<_>>()
        };
        let time_left = request
            .lambda_context_ref()
            .map_or(Duration::from_secs(10), |context| {
                context
                    .deadline()
                    .duration_since(std::time::SystemTime::UNIX_EPOCH)
                    .unwrap_or_default()
                    .saturating_sub(since_epoch())
            })
            .saturating_sub(TIME_TO_ANSWER);
        Ok(Self {
            method: request.method().clone(),
            resource: gateway.resource_path.clone().unwrap_or_default(),
            caller,
            deadline: Deadline::within(time_left),
            request_id,
            correlation_id,
            headers,
            path: pairs(request.path_parameters()),
            query: pairs(request.query_string_parameters()),
            body: request.body().to_vec(),
        })
    }

    /// The body as `T`; an unknown field, a wrong type or a broken name is pointed at.
    pub fn body<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        if self.body.len() > MAX_BODY {
            return Err(Problem::new(
                ProblemKind::PayloadTooLarge,
                format!(
                    "The body has {} bytes; at most {MAX_BODY} are read.",
                    self.body.len()
                ),
            ));
        }
        let media_type = self.header("content-type").unwrap_or("application/json");
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/json") {
            return Err(Problem::new(
                ProblemKind::UnsupportedMediaType,
                "The body must be application/json.",
            ));
        }
        strict_json::from_slice(&self.body)
            .map_err(|fault| malformed("The body is not what this operation takes.", "", fault))
    }

    /// The path parameter `name`; one that no such thing can have is not found.
    pub fn path<T: std::str::FromStr>(&self, name: &str) -> Result<T, Problem> {
        self.path
            .iter()
            .find(|(key, _)| key == name)
            .and_then(|(_, value)| value.parse().ok())
            .ok_or_else(Problem::not_found)
    }

    /// The query parameter `name`, where it is given.
    pub fn query<T>(&self, name: &str, expected: &str) -> Result<Option<T>, Problem>
    where
        T: std::str::FromStr,
    {
        let Some((_, value)) = self.query.iter().find(|(key, _)| key == name) else {
            return Ok(None);
        };
        value
            .parse()
            .map(Some)
            .map_err(|_| Invalid::field(name, format!("must be {expected}")).into())
    }

    /// The page that `limit` and `cursor` ask for; `list` names what is listed, for whom.
    pub fn page(&self, key: &CursorKey, list: &str) -> Result<Page, Problem> {
        let expected = "a whole number from 1 to 100";
        let limit: u8 = self.query("limit", expected)?.unwrap_or(50);
        if !(1..=100).contains(&limit) {
            return Err(Invalid::field("limit", format!("must be {expected}")).into());
        }
        let cursor: Option<String> = self.query("cursor", "a cursor")?;
        let after = cursor
            .map(|cursor| key.open(list, &cursor))
            .transpose()
            .map_err(|error| Invalid::field("cursor", error.to_string()))?;
        Ok(Page { limit, after })
    }

    /// The idempotency key, 1 to 255 visible ASCII characters.
    pub fn idempotency_key(&self) -> Result<&str, Problem> {
        let Some(key) = self.header("idempotency-key") else {
            return Err(Problem::new(
                ProblemKind::MissingIdempotencyKey,
                "Send an Idempotency-Key header, so that a repeated request has one effect.",
            ));
        };
        if is_visible_ascii(key, 255) {
            Ok(key)
        } else {
            Err(Invalid::field(
                "Idempotency-Key",
                "must be 1 to 255 visible ASCII characters",
            )
            .into())
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        // A header that is no text is not visible ASCII either: the checks of its reader refuse it.
        self.headers
            .get(name)
            .map(|value| value.to_str().unwrap_or("\0"))
    }
}

/// One entry of a body that is decoded entry by entry; pointers start with `at`, the entry's own.
pub fn entry<T: DeserializeOwned>(value: Value, at: &str) -> Result<T, Problem> {
    strict_json::from_value(value)
        .map_err(|fault| malformed("The entry is not what this operation takes.", at, fault))
}

fn malformed(detail: &str, at: &str, fault: Fault) -> Problem {
    let pointer = format!("{at}{}", fault.pointer);
    Problem::new(ProblemKind::MalformedBody, detail)
        .with_errors(Invalid::field(pointer, fault.detail).errors)
}

/// `{name: items, "next_cursor": ..}`: one page of `list`.
pub fn listing<T: Serialize>(
    name: &str,
    items: &[T],
    next: Option<&Position>,
    key: &CursorKey,
    list: &str,
) -> Result<Reply, Problem> {
    let mut body = json!({ name: items });
    if let Some(position) = next {
        body["next_cursor"] = key.seal(list, position).into();
    }
    Reply::ok(&body)
}

/// Serves `handler` behind API Gateway until the environment ends.
pub async fn serve<H, F>(handler: H) -> Result<(), lambda_http::Error>
where
    H: Fn(Call) -> F + Send + Sync,
    F: Future<Output = Result<Reply, Problem>> + Send,
{
    let handler = &handler;
    lambda_http::run(lambda_http::service_fn(
        move |request: Request| async move {
            Ok::<_, lambda_http::Error>(answer(&request, handler).await)
        },
    ))
    .await
}

/// Answers one request before its deadline. At the deadline the handler is dropped, and the caller gets a 503 that says the
/// outcome is unknown. A panic in `handler` becomes a 500.
pub async fn answer<H, F>(request: &Request, handler: &H) -> Response<Body>
where
    H: Fn(Call) -> F + Send + Sync,
    F: Future<Output = Result<Reply, Problem>> + Send,
{
    let started = Instant::now();
    let trace = request
        .headers()
        .get("traceparent")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse::<Traceparent>().ok());
    let RequestIdentity {
        route,
        request_id,
        role,
    } = RequestIdentity::of(request);
    let call = Call::read(request);
    let correlation_id = call
        .as_ref()
        .map_or_else(|_| request_id.clone(), |call| call.correlation_id.clone());
    let cause = Cause::new(correlation_id.clone(), trace.clone());
    let span = telemetry::invocation(&request_id);
    cause
        .scope(async {
            let result = run_until_deadline(call, handler).await;
            let completion = Completion {
                route: &route,
                role: &role,
                duration: started.elapsed(),
            };
            completion.log(&result);
            respond(result, &request_id, &correlation_id, trace.as_ref())
        })
        .instrument(span)
        .await
}

/// The one log line of a request that was answered.
struct Completion<'a> {
    route: &'a str,
    role: &'a str,
    duration: Duration,
}

impl Completion<'_> {
    fn log(&self, result: &Result<Reply, Problem>) {
        let (status, outcome, problem_type) = match result {
            Ok(reply) if reply.replayed => (reply.status, "replayed", ""),
            Ok(reply) => (reply.status, "succeeded", ""),
            Err(problem) => (problem.status(), "refused", problem.type_name()),
        };
        tracing::info!(
            route = self.route,
            role = self.role,
            status = u64::from(status),
            outcome,
            problem_type,
            duration_ms = self.duration.as_secs_f64() * 1000.0,
            "request completed"
        );
    }
}

/// What the completion log says of a request, whether or not it can be read.
#[derive(Default)]
struct RequestIdentity {
    /// The operation, such as `POST /v1/orders/{order_id}/cancel`.
    route: String,
    /// The id that API Gateway gave the request.
    request_id: String,
    /// The caller's role, as the authorizer passed it on.
    role: String,
}

impl RequestIdentity {
    fn of(request: &Request) -> Self {
        let Some(RequestContext::ApiGatewayV1(gateway)) = request.request_context_ref() else {
            return Self::default();
        };
        let resource = gateway.resource_path.as_deref().unwrap_or_default();
        let role = gateway.authorizer.fields.get("role");
        Self {
            route: format!("{} {resource}", request.method()),
            request_id: gateway.request_id.clone().unwrap_or_default(),
            role: role.and_then(Value::as_str).unwrap_or_default().to_owned(),
        }
    }
}

async fn run_until_deadline<H, F>(
    call: Result<Call, Problem>,
    handler: &H,
) -> Result<Reply, Problem>
where
    H: Fn(Call) -> F + Send + Sync,
    F: Future<Output = Result<Reply, Problem>> + Send,
{
    let call = call?;
    let left = call.deadline.remaining();
    let handled = AssertUnwindSafe(handler(call)).catch_unwind();
    match tokio::time::timeout(left, handled).await {
        Ok(Ok(result)) => result,
        Ok(Err(_panic)) => {
            tracing::error!("the handler panicked");
            Err(Problem::internal())
        }
        Err(_elapsed) => {
            tracing::error!("the handler did not finish before the deadline");
            Err(Problem::unanswered())
        }
    }
}

fn respond(
    result: Result<Reply, Problem>,
    request_id: &str,
    correlation_id: &str,
    trace: Option<&Traceparent>,
) -> Response<Body> {
    let mut builder = Response::builder()
        .header("x-request-id", request_id)
        .header("x-correlation-id", correlation_id);
    if let Some(trace) = trace {
        builder = builder.header("traceparent", trace.to_string());
    }
    let response = match result {
        Ok(reply) => {
            if reply.replayed {
                builder = builder.header("Idempotent-Replayed", "true");
            }
            builder
                .status(reply.status)
                .header("content-type", "application/json")
                .body(Body::Text(reply.body.to_string()))
        }
        Err(problem) => {
            let status = problem.status();
            if status == 503 {
                builder = builder.header("retry-after", "1");
            }
            let problem = problem.with("request_id", request_id.into());
            builder
                .status(status)
                .header("content-type", "application/problem+json")
                .body(Body::Text(
                    serde_json::to_string(&problem).unwrap_or_default(),
                ))
        }
    };
    response.unwrap_or_else(|error| {
        tracing::error!(%error, "the response cannot be built");
        let mut response = Response::new(Body::Empty);
        *response.status_mut() = lambda_http::http::StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}

fn caller<'a>(said: impl Fn(&str) -> Option<&'a str>) -> Option<Caller> {
    let subject = said("subject")
        .filter(|subject| !subject.is_empty())?
        .to_owned();
    let role: Role = serde_json::from_value(said("role")?.into()).ok()?;
    let locations = match said("location_ids").unwrap_or_default() {
        "*" => Locations::All,
        "" => Locations::Only(std::collections::BTreeSet::new()),
        list => Locations::Only(
            list.split(',')
                .map(str::parse)
                .collect::<Result<_, _>>()
                .ok()?,
        ),
    };
    let controller = said("controller_id")
        .filter(|id| !id.is_empty())
        .map(str::parse)
        .transpose()
        .ok()?;
    Some(Caller {
        subject,
        role,
        locations,
        controller,
    })
}

fn is_visible_ascii(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[allow(
    clippy::disallowed_methods,
    reason = "Lambda gives the deadline as a wall-clock time"
)]
fn since_epoch() -> Duration {
    std::time::SystemTime::now()
        .duration_since(std::time::SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
}
