//! Names and addresses of a deployed cloud, for `status`, the demo and the tests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::kind::CloudKind;
use crate::oidc::{Bearer, Identity};
use crate::workspace::{LOCAL, Workspace};
use crate::{Error, Result, cloud, files, net};

/// Environment variable with the path of the status file, for the demo, the chaos run and the repair.
pub const CLOUD_VARIABLE: &str = "STOCKLINE_CLOUD";
/// Environment variable with the path of the status file, for the cloud tests.
pub const TEST_CLOUD_VARIABLE: &str = "STOCKLINE_TEST_CLOUD";

const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Credentials of the local cloud's administrator.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Credentials {
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: String,
}

/// A deployed cloud.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Cloud {
    /// Which cloud it is.
    #[serde(default)]
    pub kind: CloudKind,
    /// Feature -> whether this cloud has it, from Terraform's `local.capabilities`.
    #[serde(default)]
    pub capabilities: BTreeMap<String, bool>,
    /// URL of the API's stage, without a trailing slash.
    pub api_url: String,
    /// Endpoint of all AWS APIs.
    pub endpoint_url: String,
    /// Endpoint of DynamoDB, if it differs from the endpoint of the other APIs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dynamodb_endpoint_url: Option<String>,
    /// The AWS region.
    pub region: String,
    /// Name of the environment.
    pub environment: String,
    /// Prefix of every deployed name.
    pub prefix: String,
    /// The AWS account.
    pub account_id: String,
    /// The administrator of the local cloud.
    pub credentials: Credentials,
    /// `orders`, `stock`, `tasks`, `catalog` -> name of the table.
    pub tables: BTreeMap<String, String>,
    /// Queue -> URL, including dead-letter queues and the queues of the controllers.
    pub queues: BTreeMap<String, String>,
    /// Topic -> ARN.
    pub topics: BTreeMap<String, String>,
    /// `exports` -> name of the bucket.
    pub buckets: BTreeMap<String, String>,
    /// Function -> deployed name.
    pub functions: BTreeMap<String, String>,
    /// The Athena workgroup of the analysts; empty if the cloud has no Athena.
    pub athena_workgroup: String,
    /// The Glue database of the exports; empty if the cloud has no Glue.
    pub athena_database: String,
    /// Signs tokens that the authorizer accepts.
    pub oidc: Identity,
    /// URL of the local OpenID provider, without a trailing slash. People sign in to the dashboard there.
    pub identity_url: String,
    /// URL of the dashboard, without a trailing slash.
    pub dashboard_url: String,
    /// The URL that `slack-notifier` posts to. A Slack simulator may listen there.
    pub slack_url: String,
    /// The Python of the local cloud's virtual environment.
    pub python: PathBuf,
    /// The log of the cloud.
    pub log: PathBuf,
    /// The root of the repository.
    pub workspace_root: PathBuf,
}

/// The status file of a cloud.
pub fn file(dir: &Path) -> PathBuf {
    dir.join("cloud.json")
}

impl Cloud {
    /// The cloud of `up`.
    pub fn local(workspace: &Workspace) -> Result<Self> {
        let dir = workspace.cloud_dir(LOCAL);
        cloud::running(&dir).ok_or(Error::NotRunning)?;
        files::read_json(&file(&dir)).ok_or(Error::NotRunning)
    }

    /// The cloud that the status file in `STOCKLINE_CLOUD` describes.
    pub fn from_environment() -> Result<Self> {
        let path = std::env::var_os(CLOUD_VARIABLE).ok_or_else(|| Error::Missing {
            what: format!("the variable {CLOUD_VARIABLE}"),
            hint: "`cargo xtask` sets it: run `demo`, `chaos` or `repair` through `cargo xtask`"
                .into(),
        })?;
        let path = PathBuf::from(path);
        serde_json::from_str(&files::read(&path)?)
            .map_err(Error::unreadable(path.display().to_string()))
    }

    /// Signs a token that the authorizer of this cloud accepts.
    pub fn token(&self, bearer: &Bearer) -> Result<String> {
        self.oidc.token(bearer)
    }

    /// Invokes a deployed function. Returns the response payload, and the kind of the function error if there is one.
    pub fn invoke(&self, function: &str, event: &[u8]) -> Result<(String, Option<String>)> {
        let url = format!("{}/invocations", self.function_url(function));
        let mut response = net::agent(Duration::from_mins(15))
            .post(&url)
            .header("authorization", self.authorization("lambda"))
            .header("content-type", "application/json")
            .send(event)
            .map_err(request_failed(&url))?;
        let error = response
            .headers()
            .get("x-amz-function-error")
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        Ok((body(&url, &mut response)?, error))
    }

    /// The environment variables of a deployed function: those of its configuration and those that Lambda sets.
    pub fn function_environment(&self, function: &str) -> Result<Vec<(String, String)>> {
        let configuration = self.configuration(function)?;
        let configured = configuration["Environment"]["Variables"]
            .as_object()
            .into_iter()
            .flatten();
        let configured = configured
            .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()));
        let set_by_lambda = [
            ("AWS_ACCESS_KEY_ID", self.credentials.access_key_id.as_str()),
            ("AWS_SECRET_ACCESS_KEY", &self.credentials.secret_access_key),
            ("AWS_REGION", &self.region),
            ("AWS_ENDPOINT_URL", &self.endpoint_url),
            ("AWS_LAMBDA_FUNCTION_NAME", function),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", function),
            ("AWS_LAMBDA_LOG_STREAM_NAME", function),
        ];
        Ok(set_by_lambda
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into_iter()
            .chain(configured)
            .collect())
    }

    /// Sets or removes an environment variable of a deployed function, from its next invocation on.
    pub fn set_variable(&self, function: &str, name: &str, value: Option<&str>) -> Result<()> {
        let mut configuration = self.configuration(function)?;
        let mut environment = configuration["Environment"].take();
        if let Some(variables) = environment["Variables"].as_object_mut() {
            match value {
                Some(value) => variables.insert(name.to_owned(), value.into()),
                None => variables.remove(name),
            };
        }
        let url = self.configuration_url(function);
        let mut response = net::agent(REQUEST_TIMEOUT)
            .put(&url)
            .header("authorization", self.authorization("lambda"))
            .header("content-type", "application/json")
            .send(serde_json::json!({"Environment": environment}).to_string())
            .map_err(request_failed(&url))?;
        body(&url, &mut response).map(|_| ())
    }

    fn configuration(&self, function: &str) -> Result<Value> {
        let url = self.configuration_url(function);
        let mut response = net::agent(REQUEST_TIMEOUT)
            .get(&url)
            .header("authorization", self.authorization("lambda"))
            .call()
            .map_err(request_failed(&url))?;
        serde_json::from_str(&body(&url, &mut response)?).map_err(Error::unreadable(&url))
    }

    fn configuration_url(&self, function: &str) -> String {
        format!("{}/configuration", self.function_url(function))
    }

    /// Calls the API with PUT or POST and returns the JSON response.
    pub fn call(
        &self,
        method: &str,
        path: &str,
        token: &str,
        key: Option<&str>,
        content: &Value,
    ) -> Result<Value> {
        let url = format!("{}{path}", self.api_url);
        let agent = net::agent(REQUEST_TIMEOUT);
        let request = if method == "PUT" {
            agent.put(&url)
        } else {
            agent.post(&url)
        };
        let request = request
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json");
        let request = match key {
            Some(key) => request.header("idempotency-key", key),
            None => request,
        };
        let mut response = request
            .send(content.to_string())
            .map_err(request_failed(&url))?;
        serde_json::from_str(&body(&url, &mut response)?).map_err(Error::unreadable(&url))
    }

    fn function_url(&self, function: &str) -> String {
        let name = self.functions.get(function).cloned();
        let name = name.unwrap_or_else(|| format!("{}-{function}", self.prefix));
        format!("{}/2015-03-31/functions/{name}", self.endpoint_url)
    }

    /// Calls an AWS API of the JSON protocol. `target` is the operation with its prefix, such as
    /// `AmazonAthena.StartQueryExecution`.
    pub fn call_service(&self, service: &str, target: &str, request: &Value) -> Result<Value> {
        let url = format!("{}/", self.endpoint_url);
        let mut response = net::agent(REQUEST_TIMEOUT)
            .post(&url)
            .header("x-amz-target", target)
            .header("content-type", "application/x-amz-json-1.1")
            .header("authorization", self.authorization(service))
            .send(request.to_string())
            .map_err(request_failed(&format!("{url} ({target})")))?;
        serde_json::from_str(&body(&url, &mut response)?).map_err(Error::unreadable(&url))
    }

    /// The `authorization` header of a request to the API of a service. The local cloud reads the access key id and does not
    /// verify the signature.
    fn authorization(&self, service: &str) -> String {
        format!(
            "AWS4-HMAC-SHA256 Credential={}/20260101/{}/{service}/aws4_request, SignedHeaders=host, Signature=0",
            self.credentials.access_key_id, self.region
        )
    }

    /// The text that `up` and `status` print.
    pub fn describe(&self) -> String {
        let names = |map: &BTreeMap<String, String>| {
            map.values()
                .cloned()
                .collect::<Vec<_>>()
                .join("\n              ")
        };
        let short =
            |map: &BTreeMap<String, String>| map.keys().cloned().collect::<Vec<_>>().join(", ");
        let missing: Vec<&str> = self
            .capabilities
            .iter()
            .filter(|(_, is_available)| !**is_available)
            .map(|(feature, _)| feature.as_str())
            .collect();
        let dynamodb = match &self.dynamodb_endpoint_url {
            Some(url) => format!("; DynamoDB also at {url}"),
            None => String::new(),
        };
        let athena = if self.athena_workgroup.is_empty() {
            "not available".to_owned()
        } else {
            format!(
                "workgroup {}, database {}",
                self.athena_workgroup, self.athena_database
            )
        };
        format!(
            "  cloud       {}, without {}\n  dashboard   {}\n  API         {}\n  AWS APIs    {} ({}, account {}){dynamodb}\n  tables      {}\n  topics      {}\n  queues      {}\n  bucket      {}\n  functions   {}\n  Athena      {athena}\n  sign-in     {}\n  Slack       alerts are posted to {}; they stay in the queue slack-alerts until a server listens there\n  log         {}",
            self.kind.title(),
            missing.join(", "),
            self.dashboard_url,
            self.api_url,
            self.endpoint_url,
            self.region,
            self.account_id,
            names(&self.tables),
            names(&self.topics),
            short(&self.queues),
            names(&self.buckets),
            short(&self.functions),
            self.identity_url,
            self.slack_url,
            self.log.display(),
        )
    }
}

fn request_failed(url: &str) -> impl Fn(ureq::Error) -> Error {
    move |error| Error::Http {
        url: url.to_owned(),
        detail: error.to_string(),
    }
}

/// The body of a successful response.
fn body(url: &str, response: &mut ureq::http::Response<ureq::Body>) -> Result<String> {
    let status = response.status();
    let body = response
        .body_mut()
        .read_to_string()
        .map_err(request_failed(url))?;
    if status.is_success() {
        return Ok(body);
    }
    Err(Error::Http {
        url: url.to_owned(),
        detail: format!("{status}: {body}"),
    })
}
