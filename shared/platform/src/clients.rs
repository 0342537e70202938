//! AWS clients with an explicit configuration. The default one searches a chain of credential providers and profile files,
//! which makes a cold start slower, and adds a second TLS stack.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::tls;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;

use crate::environment::{MissingVariable, optional, required};

/// The configuration of all clients: region, credentials, HTTP connections, retries and timeouts.
#[derive(Debug, Clone)]
pub struct Aws {
    config: SdkConfig,
    dynamodb_endpoint: Option<String>,
}

impl Aws {
    /// Reads the environment variables that Lambda sets.
    ///
    /// `AWS_ENDPOINT_URL` is the endpoint of a local cloud, and `AWS_ENDPOINT_URL_DYNAMODB` that of an emulator or proxy of
    /// DynamoDB alone. Both are unset on AWS.
    pub fn from_env() -> Result<Self, MissingVariable> {
        let credentials = Credentials::new(
            required("AWS_ACCESS_KEY_ID")?,
            required("AWS_SECRET_ACCESS_KEY")?,
            optional("AWS_SESSION_TOKEN"),
            None,
            "environment",
        );
        let region = required("AWS_REGION")?;
        Ok(
            Self::new(credentials, region, optional("AWS_ENDPOINT_URL").as_deref())
                .with_dynamodb_at(optional("AWS_ENDPOINT_URL_DYNAMODB").as_deref()),
        )
    }

    /// Uses these credentials in `region`, and `endpoint_url` in place of AWS if it is given.
    pub fn new(credentials: Credentials, region: String, endpoint_url: Option<&str>) -> Self {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(tls::Provider::Rustls(
                tls::rustls_provider::CryptoMode::Ring,
            ))
            .build_https();
        Self::with_http_client(http, credentials, region, endpoint_url)
    }

    /// Like [`Self::new`], with another HTTP client. Tests use it to lose responses.
    pub fn with_http_client(
        http: SharedHttpClient,
        credentials: Credentials,
        region: String,
        endpoint_url: Option<&str>,
    ) -> Self {
        let mut config = SdkConfig::builder()
            .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::latest())
            .region(Region::new(region))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(http)
            .sleep_impl(aws_smithy_async::rt::sleep::SharedAsyncSleep::new(
                aws_smithy_async::rt::sleep::TokioSleep::new(),
            ))
            .time_source(aws_smithy_async::time::SystemTimeSource::new())
            .retry_config(RetryConfig::standard().with_max_attempts(3))
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(Duration::from_secs(2))
                    .operation_attempt_timeout(Duration::from_secs(5))
                    .build(),
            );
        if let Some(url) = endpoint_url {
            config = config.endpoint_url(url);
        }
        Self {
            config: config.build(),
            dynamodb_endpoint: None,
        }
    }

    /// Sets another endpoint for DynamoDB, if one is given. Some emulators emulate only this service.
    #[must_use]
    pub fn with_dynamodb_at(mut self, endpoint_url: Option<&str>) -> Self {
        self.dynamodb_endpoint = endpoint_url.map(str::to_owned);
        self
    }

    /// A DynamoDB client.
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let mut config = aws_sdk_dynamodb::config::Builder::from(&self.config);
        config.set_endpoint_url(
            self.dynamodb_endpoint
                .clone()
                .or_else(|| self.config.endpoint_url().map(str::to_owned)),
        );
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    /// An S3 client. On a local cloud it uses path-style URLs, because virtual-hosted ones need DNS names for the buckets.
    pub fn s3(&self) -> aws_sdk_s3::Client {
        let is_local = self.config.endpoint_url().is_some();
        let config = aws_sdk_s3::config::Builder::from(&self.config).force_path_style(is_local);
        aws_sdk_s3::Client::from_conf(config.build())
    }

    /// An SNS client.
    pub fn sns(&self) -> aws_sdk_sns::Client {
        aws_sdk_sns::Client::new(&self.config)
    }

    /// An SQS client.
    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.config)
    }
}
