//! Builds requests as API Gateway sends them.

use lambda_http::aws_lambda_events::apigw::ApiGatewayProxyRequestContext;
use lambda_http::http;
use lambda_http::request::RequestContext;
use lambda_http::{Body, Request, RequestExt};
use serde_json::{Value, json};
use stockline_platform::edge::Call;

/// Builds a request, and the [`Call`] that the edge reads from it.
#[derive(Debug, Clone)]
pub struct CallBuilder {
    method: &'static str,
    resource: &'static str,
    path: Vec<(String, String)>,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    body: String,
    authorizer: Value,
}

/// A call of `method` on `resource`, such as `GET` on `/v1/orders/{order_id}`. The caller is `till-1`, the store app of
/// `store-1`.
pub fn call(method: &'static str, resource: &'static str) -> CallBuilder {
    CallBuilder {
        method,
        resource,
        path: Vec::new(),
        query: Vec::new(),
        headers: Vec::new(),
        body: String::new(),
        authorizer: json!({"subject": "till-1", "role": "store_app", "location_ids": "store-1", "controller_id": ""}),
    }
}

impl CallBuilder {
    /// Sets the caller: `subject` in `role` at `location_ids` (comma-separated, `*` for all).
    pub fn by(mut self, subject: &str, role: &str, location_ids: &str) -> Self {
        self.authorizer = json!({"subject": subject, "role": role, "location_ids": location_ids, "controller_id": ""});
        self
    }

    /// Sets the caller to the controller `id` at `location_ids`.
    pub fn by_controller(mut self, id: &str, location_ids: &str) -> Self {
        self.authorizer = json!({"subject": id, "role": "controller", "location_ids": location_ids, "controller_id": id});
        self
    }

    /// Adds a path parameter.
    pub fn path(mut self, name: &str, value: &str) -> Self {
        self.path.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds a query parameter.
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.query.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds an `Idempotency-Key` header.
    pub fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// Sets a JSON body.
    pub fn body(mut self, body: &Value) -> Self {
        self.body = body.to_string();
        self
    }

    /// Sets a body that need not be JSON.
    pub fn text(mut self, body: &str) -> Self {
        body.clone_into(&mut self.body);
        self
    }

    /// Builds the request.
    pub fn request(self) -> Request {
        let mut builder = http::Request::builder()
            .method(self.method)
            .uri("https://api.test/");
        for (name, value) in &self.headers {
            builder = builder.header(name, value);
        }
        let mut context = ApiGatewayProxyRequestContext::default();
        context.request_id = Some("request-1".to_owned());
        context.resource_path = Some(self.resource.to_owned());
        context.authorizer.fields = serde_json::from_value(self.authorizer).unwrap();
        let multi = |pairs: Vec<(String, String)>| {
            let mut map: std::collections::HashMap<String, Vec<String>> =
                std::collections::HashMap::new();
            for (name, value) in pairs {
                map.entry(name).or_default().push(value);
            }
            map
        };
        builder
            .body(Body::Text(self.body))
            .unwrap()
            .with_path_parameters(multi(self.path))
            .with_query_string_parameters(multi(self.query))
            .with_request_context(RequestContext::ApiGatewayV1(context))
    }

    /// Builds the call, as the edge reads it from the request.
    pub fn build(self) -> Call {
        Call::read(&self.request()).unwrap()
    }
}
