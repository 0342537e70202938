//! A connection that loses responses after the service has done what was asked.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_smithy_http_client::tls;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

/// Passes every request on, notes which they were, and drops the response of the next ones as often as it is told.
#[derive(Debug, Clone)]
pub struct LosesResponses {
    inner: SharedHttpClient,
    to_lose: Arc<AtomicUsize>,
    only: Arc<Mutex<String>>,
    lost: Arc<AtomicUsize>,
    sent: Arc<Mutex<Vec<String>>>,
}

impl LosesResponses {
    /// Loses nothing yet.
    pub fn new() -> Self {
        let inner = aws_smithy_http_client::Builder::new()
            .tls_provider(tls::Provider::Rustls(
                tls::rustls_provider::CryptoMode::Ring,
            ))
            .build_https();
        Self {
            inner,
            to_lose: Arc::default(),
            only: Arc::default(),
            lost: Arc::default(),
            sent: Arc::default(),
        }
    }

    /// Loses the next `count` responses.
    pub fn lose_next(&self, count: usize) {
        self.lose_next_of("", count);
    }

    /// Loses the next `count` responses to `operation`, such as `TransactWriteItems`, and no others.
    pub fn lose_next_of(&self, operation: &str, count: usize) {
        operation.clone_into(&mut self.only.lock().unwrap());
        self.to_lose.store(count, Ordering::SeqCst);
    }

    /// How many were lost so far: a test that lost none shows nothing.
    pub fn lost(&self) -> usize {
        self.lost.load(Ordering::SeqCst)
    }

    /// The operations that were sent since the last look, such as `Query`: each is a round trip.
    pub fn sent(&self) -> Vec<String> {
        std::mem::take(&mut self.sent.lock().unwrap())
    }

    /// As the SDK takes it.
    pub fn http_client(&self) -> SharedHttpClient {
        SharedHttpClient::new(self.clone())
    }
}

impl Default for LosesResponses {
    fn default() -> Self {
        Self::new()
    }
}

impl HttpClient for LosesResponses {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(LossyConnector {
            inner: self.inner.http_connector(settings, components),
            client: self.clone(),
        })
    }
}

#[derive(Debug)]
struct LossyConnector {
    inner: SharedHttpConnector,
    client: LosesResponses,
}

impl HttpConnector for LossyConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request
            .headers()
            .get("x-amz-target")
            .unwrap_or_default()
            .to_owned();
        let operation = target.rsplit('.').next().unwrap_or_default();
        self.client.sent.lock().unwrap().push(operation.to_owned());
        let response = self.inner.call(request);
        let client = self.client.clone();
        HttpConnectorFuture::new(async move {
            let response = response.await?;
            let concerned = target.ends_with(client.only.lock().unwrap().as_str());
            let lose = concerned
                && client
                    .to_lose
                    .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                        left.checked_sub(1)
                    })
                    .is_ok();
            if lose {
                client.lost.fetch_add(1, Ordering::SeqCst);
                return Err(ConnectorError::timeout(
                    "the response was lost on the way".into(),
                ));
            }
            Ok(response)
        })
    }
}
