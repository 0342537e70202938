//! AWS clients, configured explicitly: no credentials chain to walk, no profile files, one TLS stack.

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

/// What every client shares: region, credentials, HTTP connections, retries and timeouts.
#[derive(Debug, Clone)]
pub struct Aws {
    config: SdkConfig,
    dynamodb_endpoint: Option<String>,
}

impl Aws {
    /// From the variables that Lambda sets; `AWS_ENDPOINT_URL`, where set, names a local cloud, and
    /// `AWS_ENDPOINT_URL_DYNAMODB` what stands in for its DynamoDB or before it.
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

    /// With these credentials in `region`, at `endpoint_url` instead of AWS where one is given.
    pub fn new(credentials: Credentials, region: String, endpoint_url: Option<&str>) -> Self {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(tls::Provider::Rustls(
                tls::rustls_provider::CryptoMode::Ring,
            ))
            .build_https();
        Self::over(http, credentials, region, endpoint_url)
    }

    /// As [`Self::new`], over `http`: for tests that lose a response on the way.
    pub fn over(
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

    /// With DynamoDB at an endpoint of its own, where one is given: some emulators are of one service only.
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

    /// An S3 client, with path-style addresses so that a local cloud needs no DNS of its own.
    pub fn s3(&self) -> aws_sdk_s3::Client {
        let local = self.config.endpoint_url().is_some();
        let config = aws_sdk_s3::config::Builder::from(&self.config).force_path_style(local);
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

    /// What the clients share, for a service that only tools and tests speak to.
    pub fn sdk_config(&self) -> &SdkConfig {
        &self.config
    }
}
