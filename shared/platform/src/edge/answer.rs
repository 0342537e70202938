//! Runs a handler and encodes its result as an HTTP response.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use futures::FutureExt;
use lambda_http::http::Response;
use lambda_http::request::RequestContext;
use lambda_http::{Body, Request, RequestExt};
use serde_json::Value;
use stockline_application::deadline::Deadline;
use stockline_application::trace::{Cause, Traceparent};
use tracing::Instrument;

use super::{Call, Reply};
use crate::problem::Problem;
use crate::telemetry;

/// Serves `handler` behind API Gateway until Lambda stops the environment.
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

/// Handles one request before its deadline. At the deadline the handler is dropped and the response is a 503: the outcome is
/// unknown. A panic in `handler` becomes a 500.
pub async fn answer<H, F>(request: &Request, handler: &H) -> Response<Body>
where
    H: Fn(Call) -> F + Send + Sync,
    F: Future<Output = Result<Reply, Problem>> + Send,
{
    let started = Instant::now();
    let trace = traceparent(request);
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
            let result = handle(call, handler).await;
            let (status, outcome, problem_type) = match &result {
                Ok(reply) if reply.replayed => (reply.status, "replayed", ""),
                Ok(reply) => (reply.status, "succeeded", ""),
                Err(problem) => (problem.status(), "refused", problem.type_name()),
            };
            Completion {
                route: &route,
                role: &role,
                status,
                outcome,
                problem_type,
                duration: started.elapsed(),
            }
            .log();
            respond(result, &request_id, &correlation_id, trace.as_ref())
        })
        .instrument(span)
        .await
}

/// The log line of a completed request.
pub(super) struct Completion<'a> {
    pub(super) route: &'a str,
    pub(super) role: &'a str,
    pub(super) status: u16,
    pub(super) outcome: &'a str,
    /// The last segment of the problem's type; empty if there is none.
    pub(super) problem_type: &'a str,
    pub(super) duration: Duration,
}

impl Completion<'_> {
    pub(super) fn log(&self) {
        tracing::info!(
            route = self.route,
            role = self.role,
            status = u64::from(self.status),
            outcome = self.outcome,
            problem_type = self.problem_type,
            duration_ms = self.duration.as_secs_f64() * 1000.0,
            "request completed"
        );
    }
}

/// The W3C trace that the request belongs to.
pub(super) fn traceparent(request: &Request) -> Option<Traceparent> {
    let header = request.headers().get("traceparent")?;
    header.to_str().ok()?.parse().ok()
}

/// The fields of the completion log that are known even if the event cannot be decoded.
#[derive(Default)]
pub(super) struct RequestIdentity {
    /// The operation, such as `POST /v1/orders/{order_id}/cancel`.
    pub(super) route: String,
    /// The id that API Gateway gave the request.
    pub(super) request_id: String,
    /// The caller's role, as the authorizer passed it on.
    pub(super) role: String,
}

impl RequestIdentity {
    pub(super) fn of(request: &Request) -> Self {
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

async fn handle<H, F>(call: Result<Call, Problem>, handler: &H) -> Result<Reply, Problem>
where
    H: Fn(Call) -> F + Send + Sync,
    F: Future<Output = Result<Reply, Problem>> + Send,
{
    let call = call?;
    run_until_deadline(call.deadline, handler(call)).await?
}

/// Runs a handler until its deadline.
///
/// # Errors
/// The problem of a handler that panicked or did not finish.
pub(super) async fn run_until_deadline<F: Future>(
    deadline: Deadline,
    handler: F,
) -> Result<F::Output, Problem> {
    let handled = AssertUnwindSafe(handler).catch_unwind();
    match tokio::time::timeout(deadline.remaining(), handled).await {
        Ok(Ok(result)) => Ok(result),
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
            let (content_type, text) = match reply.csv {
                None => ("application/json", reply.body.to_string()),
                Some(csv) => ("text/csv; charset=utf-8; header=present", csv),
            };
            builder
                .status(reply.status)
                .header("content-type", content_type)
                .body(Body::Text(text))
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
    response.unwrap_or_else(failed_response)
}

/// The response in place of one that could not be built.
#[allow(
    clippy::needless_pass_by_value,
    reason = "it is passed to unwrap_or_else"
)]
pub(super) fn failed_response(error: lambda_http::http::Error) -> Response<Body> {
    tracing::error!(%error, "response could not be built");
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = lambda_http::http::StatusCode::INTERNAL_SERVER_ERROR;
    response
}
