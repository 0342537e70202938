//! Requests: the decoded event of a REST API of API Gateway.

use std::time::Duration;

use lambda_http::http::{HeaderMap, Method};
use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt};
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use serde_json::Value;
use stockline_application::deadline::Deadline;
use stockline_application::paging::Page;
use stockline_domain::caller::{Caller, Locations, Role};
use stockline_domain::invalid::{Checks, Invalid};

use super::MediaType;
use crate::contract::{self, Schema};
use crate::cursor::CursorKey;
use crate::problem::{Problem, ProblemKind};
use crate::strict_json;

/// The maximum size of a body, in bytes.
pub const MAX_BODY: usize = 64 * 1024;

/// The maximum number of different values of a query parameter that may be repeated.
pub const MAX_VALUES: usize = 100;

/// The time for an invocation whose deadline is not known.
const UNKNOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// The part of the remaining time of an invocation that is reserved for the response.
const RESPONSE_RESERVE: Duration = Duration::from_millis(500);

/// A request whose caller was verified by the authorizer.
#[derive(Debug, Clone)]
pub struct Call {
    /// The HTTP method.
    pub method: Method,
    /// The path of the operation in the contract, such as `/v1/orders/{order_id}`.
    pub resource: String,
    /// The caller.
    pub caller: Caller,
    /// When the response must be ready.
    pub deadline: Deadline,
    /// The id of the request in log lines and problems.
    pub request_id: String,
    /// The id that every message and log line caused by the request carries.
    pub correlation_id: String,
    headers: HeaderMap,
    path: Vec<(String, String)>,
    query: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Call {
    /// Decodes the event.
    ///
    /// # Errors
    /// The authorizer's context is missing or malformed, or the event is not of a REST API.
    pub fn read(request: &Request) -> Result<Self, Problem> {
        let context = request.request_context_ref();
        let Some(RequestContext::ApiGatewayV1(gateway)) = context else {
            tracing::error!("the event is not of a REST API");
            return Err(Problem::internal());
        };
        let claim = |name: &str| gateway.authorizer.fields.get(name).and_then(Value::as_str);
        let caller = caller(claim).ok_or_else(|| {
            tracing::error!("the context of the authorizer is missing or malformed");
            Problem::new(ProblemKind::Forbidden, "The caller is not known.")
        })?;
        let request_id = gateway.request_id.clone().unwrap_or_default();
        let correlation_id = correlation_id(request, &request_id);
        let pairs = |map: lambda_http::aws_lambda_events::query_map::QueryMap| {
            map.iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect::<Vec<_>>()
        };
        Ok(Self {
            method: request.method().clone(),
            resource: gateway.resource_path.clone().unwrap_or_default(),
            caller,
            deadline: deadline(request),
            request_id,
            correlation_id,
            headers: request.headers().clone(),
            path: pairs(request.path_parameters()),
            query: pairs(request.query_string_parameters()),
            body: request.body().to_vec(),
        })
    }

    /// Decodes the body.
    ///
    /// # Errors
    /// The body is too large, of another media type or not JSON; or it breaks the contract, with an error for each such field.
    pub fn body<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        if self.body.len() > MAX_BODY {
            return Err(Problem::new(
                ProblemKind::PayloadTooLarge,
                format!(
                    "The body has {} bytes, at most {MAX_BODY} are allowed.",
                    self.body.len()
                ),
            ));
        }
        let media_type = self.header("content-type").unwrap_or("application/json");
        if !is_utf8_json(media_type) {
            return Err(Problem::new(
                ProblemKind::UnsupportedMediaType,
                "Send the body as application/json in UTF-8.",
            ));
        }
        let value = strict_json::from_slice(&self.body).map_err(|error| {
            Problem::new(
                ProblemKind::MalformedBody,
                "The body is not JSON, see errors.",
            )
            .with_errors(Invalid::field(error.pointer, error.detail).errors)
        })?;
        decode(value, self.schema()?, "")
    }

    /// Decodes an entry of a body whose entries are checked one by one. `pointer` is the entry's JSON Pointer in the body.
    ///
    /// # Errors
    /// Every field that breaks the contract.
    pub fn entry<T: DeserializeOwned>(&self, value: Value, pointer: &str) -> Result<T, Problem> {
        let schema = self.schema()?.part(pointer).ok_or_else(|| {
            tracing::error!(pointer, "the contract has no such entry");
            Problem::internal()
        })?;
        decode(value, schema, pointer)
    }

    fn schema(&self) -> Result<&'static Schema, Problem> {
        contract::request_schema(self.method.as_str(), &self.resource).ok_or_else(|| {
            tracing::error!("the contract has no request body for this operation");
            Problem::internal()
        })
    }

    /// Parses the path parameter `name`.
    ///
    /// # Errors
    /// 404 for a value that no object can have.
    pub fn path<T: std::str::FromStr>(&self, name: &str) -> Result<T, Problem> {
        self.path
            .iter()
            .find(|(key, _)| key == name)
            .and_then(|(_, value)| value.parse().ok())
            .ok_or_else(Problem::not_found)
    }

    /// Parses the path parameter `name` without its percent-encoding, which some gateways remove and others keep. `T` must not
    /// allow `%`, so that the value is the same in both cases.
    ///
    /// # Errors
    /// 404 for a value that no object can have.
    pub fn decoded_path<T: std::str::FromStr>(&self, name: &str) -> Result<T, Problem> {
        let value: String = self.path(name)?;
        let decoded = percent_decode_str(&value).decode_utf8();
        let parsed = decoded.ok().and_then(|decoded| decoded.parse().ok());
        parsed.ok_or_else(Problem::not_found)
    }

    /// Parses the query parameter `name`; `None` if it is not given. `expected` describes the allowed values.
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

    /// Parses every occurrence of query parameter `name`, at most [`MAX_VALUES`]. A repeated value is returned once.
    pub fn query_list<T>(&self, name: &str, expected: &str) -> Result<Vec<T>, Problem>
    where
        T: std::str::FromStr + PartialEq,
    {
        let mut values = Vec::new();
        for (_, text) in self.query.iter().filter(|(key, _)| key == name) {
            let value: T = text
                .parse()
                .map_err(|_| Invalid::field(name, format!("must be {expected}")))?;
            if !values.contains(&value) {
                values.push(value);
            }
        }
        if values.len() > MAX_VALUES {
            let detail = format!(
                "must be given at most {MAX_VALUES} times, got {}",
                values.len()
            );
            return Err(Invalid::field(name, detail).into());
        }
        Ok(values)
    }

    /// Returns the page that `limit` and `cursor` select. `list` identifies the list, and the caller if it depends on them.
    pub fn page(&self, key: &CursorKey, list: &str) -> Result<Page, Problem> {
        let expected = "an integer from 1 to 100";
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

    /// Returns the idempotency key: 1 to 255 visible ASCII characters.
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

    /// Returns which of JSON and CSV the `Accept` header prefers. Without the header it is JSON.
    ///
    /// # Errors
    /// 406 if it accepts neither.
    pub fn accepted_media_type(&self) -> Result<MediaType, Problem> {
        MediaType::preferred(self.header("accept").unwrap_or("*/*")).ok_or_else(|| {
            Problem::new(
                ProblemKind::NotAcceptable,
                "The response is application/json or text/csv: name one of them in Accept.",
            )
        })
    }

    fn header(&self, name: &str) -> Option<&str> {
        // A value that is not ASCII text becomes a control character, which every check of a header rejects.
        self.headers
            .get(name)
            .map(|value| value.to_str().unwrap_or("\0"))
    }
}

/// The correlation id that the client chose, or the request's own id.
pub(super) fn correlation_id(request: &Request, request_id: &str) -> String {
    request
        .headers()
        .get("x-correlation-id")
        .and_then(|value| value.to_str().ok())
        .filter(|value| is_visible_ascii(value, 128))
        .map_or_else(|| request_id.to_owned(), str::to_owned)
}

/// When the response must be ready: shortly before Lambda ends the invocation.
///
/// A deadline in the past is none: cargo-lambda's emulator sends the same constant with every invocation.
pub(super) fn deadline(request: &Request) -> Deadline {
    let remaining = request.lambda_context_ref().map(|context| {
        context
            .deadline()
            .duration_since(std::time::SystemTime::UNIX_EPOCH)
            .unwrap_or_default()
            .saturating_sub(since_epoch())
    });
    let remaining = remaining
        .filter(|remaining| !remaining.is_zero())
        .unwrap_or(UNKNOWN_TIMEOUT);
    Deadline::within(remaining.saturating_sub(RESPONSE_RESERVE))
}

/// Decodes `value`, which stands at `pointer` of the body and must conform to `schema`.
fn decode<T: DeserializeOwned>(value: Value, schema: &Schema, pointer: &str) -> Result<T, Problem> {
    let mut checks = Checks::new();
    schema.check(&value, pointer, &mut checks);
    checks.finish(())?;
    T::deserialize(value).map_err(|_| {
        // The error is not logged, because it may quote the body.
        tracing::error!(
            type_name = std::any::type_name::<T>(),
            "a body that conforms to the contract could not be decoded"
        );
        Invalid::field(pointer, "has a value that is not supported").into()
    })
}

/// Whether the media type is `application/json`, in UTF-8 if it names a charset (RFC 9110, section 8.3).
fn is_utf8_json(media_type: &str) -> bool {
    let mut parts = media_type.split(';').map(str::trim);
    let is_json = parts
        .next()
        .is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"));
    is_json
        && parts.all(|parameter| match parameter.split_once('=') {
            Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
                value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
            }
            _ => true,
        })
}

fn caller<'a>(claim: impl Fn(&str) -> Option<&'a str>) -> Option<Caller> {
    let subject = claim("subject")
        .filter(|subject| !subject.is_empty())?
        .to_owned();
    let role: Role = serde_json::from_value(claim("role")?.into()).ok()?;
    let locations = match claim("location_ids").unwrap_or_default() {
        "*" => Locations::All,
        "" => Locations::Only(std::collections::BTreeSet::new()),
        list => Locations::Only(
            list.split(',')
                .map(str::parse)
                .collect::<Result<_, _>>()
                .ok()?,
        ),
    };
    let controller = claim("controller_id")
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

fn is_visible_ascii(text: &str, max_length: usize) -> bool {
    (1..=max_length).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
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

#[cfg(test)]
mod tests {
    use super::is_utf8_json;

    #[test]
    fn only_json_in_utf8_is_supported() {
        for supported in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/json;Charset=\"UTF-8\"",
            "application/json; profile=x",
        ] {
            assert!(is_utf8_json(supported), "{supported}");
        }
        for other in [
            "text/json",
            "application/json; charset=iso-8859-1",
            "application/json; profile=x; charset=utf-16",
            "application/problem+json",
            "\0",
            "",
        ] {
            assert!(!is_utf8_json(other), "{other}");
        }
    }
}
