//! The HTTP edge of pages for people: decodes an API Gateway event to a [`PageRequest`], and encodes a [`PageReply`].
//!
//! Nobody has authenticated the caller of a page: the function that serves it does, by a cookie.

use std::future::Future;
use std::time::Instant;

use lambda_http::http::{HeaderMap, Method, Response};
use lambda_http::{Body, Request, RequestExt};
use stockline_application::deadline::Deadline;
use stockline_application::trace::Cause;
use tracing::Instrument;

use super::answer::{
    Completion, RequestIdentity, failed_response, run_until_deadline, traceparent,
};
use super::call::{MAX_BODY, correlation_id, deadline};
use crate::problem::{Problem, ProblemKind};
use crate::telemetry;

/// A request for a page.
#[derive(Debug, Clone)]
pub struct PageRequest {
    /// The HTTP method.
    pub method: Method,
    /// The segments of the path below the root of the pages. They are decoded: a segment may hold any character.
    pub path: Vec<String>,
    /// When the response must be ready.
    pub deadline: Deadline,
    /// The id of the request in log lines and on error pages.
    pub request_id: String,
    headers: HeaderMap,
    query: Vec<(String, String)>,
    body: Vec<u8>,
}

impl PageRequest {
    /// Decodes the event of a REST API with one resource, `/{proxy+}`, below its root.
    pub fn read(request: &Request, request_id: &str) -> Self {
        let parameters = request.path_parameters();
        let path = parameters.first("proxy").unwrap_or_default();
        let query = request.query_string_parameters();
        let query = query
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self {
            method: request.method().clone(),
            path: segments(path),
            deadline: deadline(request),
            request_id: request_id.to_owned(),
            headers: request.headers().clone(),
            query: query.collect(),
            body: request.body().to_vec(),
        }
    }

    /// Returns a header that is ASCII text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns a parameter of the query.
    pub fn query(&self, name: &str) -> Option<&str> {
        let mut query = self.query.iter();
        let (_, value) = query.find(|(key, _)| key == name)?;
        Some(value)
    }

    /// Returns every parameter of the query.
    pub fn query_pairs(&self) -> &[(String, String)] {
        &self.query
    }

    /// Returns a cookie.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let headers = self.headers.get_all("cookie").into_iter();
        let cookies = headers
            .filter_map(|header| header.to_str().ok())
            .flat_map(|header| header.split(';'));
        cookies
            .filter_map(|cookie| cookie.trim().split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    }

    /// Decodes the body as a form.
    ///
    /// # Errors
    /// The body is too large or no form.
    pub fn form(&self) -> Result<Form, Problem> {
        if self.body.len() > MAX_BODY {
            return Err(Problem::new(
                ProblemKind::PayloadTooLarge,
                "The form is larger than 64 KiB.",
            ));
        }
        let media_type = self.header("content-type").unwrap_or_default();
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(Problem::new(
                ProblemKind::UnsupportedMediaType,
                "Send the form as application/x-www-form-urlencoded.",
            ));
        }
        Ok(Form(
            form_urlencoded::parse(&self.body).into_owned().collect(),
        ))
    }
}

fn segments(path: &str) -> Vec<String> {
    let path = path.trim_matches('/');
    if path.is_empty() {
        return Vec::new();
    }
    path.split('/').map(str::to_owned).collect()
}

/// The fields of a submitted form.
#[derive(Debug, Clone, Default)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// Returns the first field of this name, without surrounding white space.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut fields = self.0.iter();
        let (_, value) = fields.find(|(key, _)| key == name)?;
        Some(value.trim())
    }

    /// Returns every field as it was sent.
    pub fn fields(&self) -> &[(String, String)] {
        &self.0
    }
}

/// A response to a person's browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageReply {
    /// The HTTP status.
    pub status: u16,
    /// The headers. A name may occur several times.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
    /// What the log calls the page, such as `/stores/{location}/stock`.
    pub route: &'static str,
    /// What the log calls the caller's role; empty if nobody is signed in.
    pub role: String,
    /// The last segment of the type of the problem that the page reports; empty if none.
    pub problem_type: String,
}

impl PageReply {
    /// Creates a response without headers.
    pub fn new(status: u16, body: String) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body,
            route: "",
            role: String::new(),
            problem_type: String::new(),
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Returns the first value of a header.
    pub fn header_value(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let (_, value) = headers.find(|(key, _)| *key == name)?;
        Some(value)
    }
}

/// Serves pages behind API Gateway until Lambda stops the environment. `on_problem` makes the page for a request that `handler`
/// could not answer; it gets the id of the request.
pub async fn serve_pages<H, F, P>(handler: H, on_problem: P) -> Result<(), lambda_http::Error>
where
    H: Fn(PageRequest) -> F + Send + Sync,
    F: Future<Output = PageReply> + Send,
    P: Fn(&Problem, &str) -> PageReply + Send + Sync,
{
    let (handler, on_problem) = (&handler, &on_problem);
    lambda_http::run(lambda_http::service_fn(
        move |request: Request| async move {
            Ok::<_, lambda_http::Error>(answer_page(&request, handler, on_problem).await)
        },
    ))
    .await
}

/// Handles one request before its deadline, like [`answer`](super::answer). A late handler becomes a 503, a panic a 500.
pub async fn answer_page<H, F, P>(request: &Request, handler: &H, on_problem: &P) -> Response<Body>
where
    H: Fn(PageRequest) -> F + Send + Sync,
    F: Future<Output = PageReply> + Send,
    P: Fn(&Problem, &str) -> PageReply + Send + Sync,
{
    let started = Instant::now();
    let trace = traceparent(request);
    let request_id = RequestIdentity::of(request).request_id;
    let correlation_id = correlation_id(request, &request_id);
    let page = PageRequest::read(request, &request_id);
    let span = telemetry::invocation(&request_id);
    Cause::new(correlation_id, trace)
        .scope(async {
            let method = page.method.clone();
            let result = run_until_deadline(page.deadline, handler(page)).await;
            let reply = result.unwrap_or_else(|problem| on_problem(&problem, &request_id));
            Completion {
                route: &format!("{method} {}", reply.route),
                role: &reply.role,
                status: reply.status,
                outcome: if reply.status < 400 {
                    "succeeded"
                } else {
                    "refused"
                },
                problem_type: &reply.problem_type,
                duration: started.elapsed(),
            }
            .log();
            encode(reply, &request_id)
        })
        .instrument(span)
        .await
}

fn encode(reply: PageReply, request_id: &str) -> Response<Body> {
    let mut builder = Response::builder()
        .status(reply.status)
        .header("x-request-id", request_id);
    for (name, value) in reply.headers {
        builder = builder.header(name, value);
    }
    let body = if reply.body.is_empty() {
        Body::Empty
    } else {
        Body::Text(reply.body)
    };
    builder.body(body).unwrap_or_else(failed_response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_is_split_into_segments() {
        assert_eq!(segments(""), Vec::<String>::new());
        assert_eq!(
            segments("stores/store-1/stock"),
            ["stores", "store-1", "stock"]
        );
        assert_eq!(segments("stores//stock/"), ["stores", "", "stock"]);
    }

    #[test]
    fn form_fields_are_decoded_and_trimmed() {
        let fields = form_urlencoded::parse(b"name=caf%C3%A9+noir&quantity=+12+&name=other");
        let form = Form(fields.into_owned().collect());
        assert_eq!(form.get("name"), Some("café noir"));
        assert_eq!(form.get("quantity"), Some("12"));
        assert_eq!(form.get("missing"), None);
    }
}
