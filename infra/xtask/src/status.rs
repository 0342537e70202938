//! What is where: the names and addresses of a deployed cloud, for people, for the demo and for the tests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::oidc::{Bearer, Identity};
use crate::workspace::{LOCAL, Workspace};
use crate::{Error, Result, cloud, files};

/// The variable that hands this to the demo.
pub const CLOUD_VARIABLE: &str = "STOCKLINE_CLOUD";
/// The variable that hands this to the cloud tests.
pub const TEST_CLOUD_VARIABLE: &str = "STOCKLINE_TEST_CLOUD";

/// Who may do everything in the local cloud.
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
    /// The API with its stage, without a slash at its end.
    pub api_url: String,
    /// Where every AWS API is.
    pub endpoint_url: String,
    /// The region.
    pub region: String,
    /// The environment's name.
    pub environment: String,
    /// What every deployed name begins with.
    pub prefix: String,
    /// The account.
    pub account_id: String,
    /// The administrator of the local cloud.
    pub credentials: Credentials,
    /// `orders`, `stock`, `tasks`, `catalog` -> table.
    pub tables: BTreeMap<String, String>,
    /// Queue -> URL; dead-letter queues and the controllers' are among them.
    pub queues: BTreeMap<String, String>,
    /// Topic -> ARN.
    pub topics: BTreeMap<String, String>,
    /// `exports` -> bucket.
    pub buckets: BTreeMap<String, String>,
    /// Function -> deployed name.
    pub functions: BTreeMap<String, String>,
    /// The analysts' workgroup.
    pub athena_workgroup: String,
    /// Their database.
    pub athena_database: String,
    /// The stand-in for the identity provider.
    pub oidc: Identity,
    /// Where `slack-notifier` posts: a stand-in listens here.
    pub slack_url: String,
    /// The Python of the local cloud's venv.
    pub python: PathBuf,
    /// The cloud's log.
    pub log: PathBuf,
    /// The repository's root.
    pub workspace_root: PathBuf,
}

/// The file that holds the status of a cloud.
pub fn file(dir: &Path) -> PathBuf {
    dir.join("cloud.json")
}

impl Cloud {
    /// The cloud that `up` made, if it runs.
    pub fn local(workspace: &Workspace) -> Result<Self> {
        let dir = workspace.cloud_dir(LOCAL);
        cloud::running(&dir).ok_or(Error::Down)?;
        files::read_json(&file(&dir)).ok_or(Error::Down)
    }

    /// The cloud that this program was started for, from the file that `STOCKLINE_CLOUD` names.
    pub fn from_environment() -> Result<Self> {
        let path = std::env::var_os(CLOUD_VARIABLE).ok_or_else(|| Error::Missing {
            what: format!("the variable {CLOUD_VARIABLE}"),
            way_on: "Start this program with `cargo xtask demo`".into(),
        })?;
        let path = PathBuf::from(path);
        serde_json::from_str(&files::read(&path)?)
            .map_err(Error::unreadable(path.display().to_string()))
    }

    /// A token that the authorizer of this cloud accepts.
    pub fn token(&self, bearer: &Bearer) -> Result<String> {
        self.oidc.token(bearer)
    }

    /// Invokes a deployed function and waits for its answer: the payload, and the error's kind if it failed.
    pub fn invoke(&self, function: &str, event: &[u8]) -> Result<(String, Option<String>)> {
        let url = format!("{}/invocations", self.function_url(function));
        let mut answer = agent(Duration::from_mins(15))
            .post(&url)
            .header("authorization", self.lambda_authorization())
            .header("content-type", "application/json")
            .send(event)
            .map_err(unanswered(&url))?;
        let error = answer
            .headers()
            .get("x-amz-function-error")
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        Ok((text(&url, &mut answer)?, error))
    }

    /// The environment that a deployed function runs with, as far as Lambda and its configuration set it.
    pub fn environment_of(&self, function: &str) -> Result<Vec<(String, String)>> {
        let url = format!("{}/configuration", self.function_url(function));
        let mut answer = agent(Duration::from_secs(30))
            .get(&url)
            .header("authorization", self.lambda_authorization())
            .call()
            .map_err(unanswered(&url))?;
        let configuration: Value =
            serde_json::from_str(&text(&url, &mut answer)?).map_err(Error::unreadable(&url))?;
        let own = configuration["Environment"]["Variables"]
            .as_object()
            .into_iter()
            .flatten();
        let own =
            own.map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()));
        let by_lambda = [
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
        Ok(by_lambda
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into_iter()
            .chain(own)
            .collect())
    }

    /// Sets a variable of a deployed function, or takes it away; its next invocation sees it.
    pub fn set_variable(&self, function: &str, name: &str, value: Option<&str>) -> Result<()> {
        let url = format!("{}/configuration", self.function_url(function));
        let agent = agent(Duration::from_secs(30));
        let mut answer = agent
            .get(&url)
            .header("authorization", self.lambda_authorization())
            .call()
            .map_err(unanswered(&url))?;
        let mut configuration: Value =
            serde_json::from_str(&text(&url, &mut answer)?).map_err(Error::unreadable(&url))?;
        let mut environment = configuration["Environment"].take();
        if let Some(variables) = environment["Variables"].as_object_mut() {
            match value {
                Some(value) => variables.insert(name.to_owned(), value.into()),
                None => variables.remove(name),
            };
        }
        let mut answer = agent
            .put(&url)
            .header("authorization", self.lambda_authorization())
            .header("content-type", "application/json")
            .send(serde_json::json!({"Environment": environment}).to_string())
            .map_err(unanswered(&url))?;
        text(&url, &mut answer).map(|_| ())
    }

    /// Calls the API with a JSON body, and with an idempotency key where one is given.
    pub fn call(
        &self,
        method: &str,
        path: &str,
        token: &str,
        key: Option<&str>,
        body: &Value,
    ) -> Result<Value> {
        let url = format!("{}{path}", self.api_url);
        let agent = agent(Duration::from_secs(30));
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
        let mut answer = request.send(body.to_string()).map_err(unanswered(&url))?;
        serde_json::from_str(&text(&url, &mut answer)?).map_err(Error::unreadable(&url))
    }

    fn function_url(&self, function: &str) -> String {
        let name = self.functions.get(function).cloned();
        let name = name.unwrap_or_else(|| format!("{}-{function}", self.prefix));
        format!("{}/2015-03-31/functions/{name}", self.endpoint_url)
    }

    /// The local cloud looks at who signs, not at the signature.
    fn lambda_authorization(&self) -> String {
        format!(
            "AWS4-HMAC-SHA256 Credential={}/20260101/{}/lambda/aws4_request, SignedHeaders=host, Signature=0",
            self.credentials.access_key_id, self.region
        )
    }

    /// The table that `up` and `status` print.
    pub fn describe(&self) -> String {
        let names = |map: &BTreeMap<String, String>| {
            map.values()
                .cloned()
                .collect::<Vec<_>>()
                .join("\n              ")
        };
        let short =
            |map: &BTreeMap<String, String>| map.keys().cloned().collect::<Vec<_>>().join(", ");
        format!(
            "  API         {}\n  AWS APIs    {} ({}, account {})\n  tables      {}\n  topics      {}\n  queues      {}\n  bucket      {}\n  functions   {}\n  Athena      workgroup {}, database {}\n  Slack       alerts are posted to {}; they wait in slack-alerts until something listens there\n  log         {}",
            self.api_url,
            self.endpoint_url,
            self.region,
            self.account_id,
            names(&self.tables),
            names(&self.topics),
            short(&self.queues),
            names(&self.buckets),
            short(&self.functions),
            self.athena_workgroup,
            self.athena_database,
            self.slack_url,
            self.log.display(),
        )
    }
}

fn agent(timeout: Duration) -> ureq::Agent {
    ureq::Agent::config_builder()
        .timeout_global(Some(timeout))
        .http_status_as_error(false)
        .proxy(None)
        .build()
        .into()
}

fn unanswered(url: &str) -> impl Fn(ureq::Error) -> Error {
    move |error| Error::Http {
        url: url.to_owned(),
        detail: error.to_string(),
    }
}

/// The body of an answer that is a success.
fn text(url: &str, answer: &mut ureq::http::Response<ureq::Body>) -> Result<String> {
    let status = answer.status();
    let body = answer
        .body_mut()
        .read_to_string()
        .map_err(unanswered(url))?;
    if status.is_success() {
        return Ok(body);
    }
    Err(Error::Http {
        url: url.to_owned(),
        detail: format!("{status}: {body}"),
    })
}
