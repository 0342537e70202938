//! An HTTP connection that loses responses after the service has processed the request.

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

/// Sends every request, records its operation, and replaces a set number of responses by timeouts. A clone is the same
/// connection.
#[derive(Debug, Clone)]
pub struct LossyConnection {
    inner: SharedHttpClient,
    to_lose: Arc<AtomicUsize>,
    operation_to_lose: Arc<Mutex<String>>,
    lost: Arc<AtomicUsize>,
    sent: Arc<Mutex<Vec<String>>>,
}

impl LossyConnection {
    /// A connection that loses nothing yet.
    pub fn new() -> Self {
        let inner = aws_smithy_http_client::Builder::new()
            .tls_provider(tls::Provider::Rustls(
                tls::rustls_provider::CryptoMode::Ring,
            ))
            .build_https();
        Self {
            inner,
            to_lose: Arc::default(),
            operation_to_lose: Arc::default(),
            lost: Arc::default(),
            sent: Arc::default(),
        }
    }

    /// Loses the next `count` responses.
    pub fn lose_next(&self, count: usize) {
        self.lose_next_of("", count);
    }

    /// Loses the next `count` responses to `operation`, such as `TransactWriteItems`, and no responses to other operations.
    pub fn lose_next_of(&self, operation: &str, count: usize) {
        operation.clone_into(&mut self.operation_to_lose.lock().unwrap());
        self.to_lose.store(count, Ordering::SeqCst);
    }

    /// The number of responses lost so far. A test asserts it, because a test that loses none proves nothing.
    pub fn lost_count(&self) -> usize {
        self.lost.load(Ordering::SeqCst)
    }

    /// Takes the operations sent since the last call, such as `Query`. Each is one round trip.
    pub fn take_sent(&self) -> Vec<String> {
        std::mem::take(&mut self.sent.lock().unwrap())
    }

    /// The connection as the SDK takes it.
    pub fn http_client(&self) -> SharedHttpClient {
        SharedHttpClient::new(self.clone())
    }
}

impl Default for LossyConnection {
    fn default() -> Self {
        Self::new()
    }
}

impl HttpClient for LossyConnection {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(LossyConnector {
            inner: self.inner.http_connector(settings, components),
            connection: self.clone(),
        })
    }
}

#[derive(Debug)]
struct LossyConnector {
    inner: SharedHttpConnector,
    connection: LossyConnection,
}

impl HttpConnector for LossyConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request
            .headers()
            .get("x-amz-target")
            .unwrap_or_default()
            .to_owned();
        let operation = target.rsplit('.').next().unwrap_or_default();
        self.connection
            .sent
            .lock()
            .unwrap()
            .push(operation.to_owned());
        let response = self.inner.call(request);
        let connection = self.connection.clone();
        HttpConnectorFuture::new(async move {
            let response = response.await?;
            let is_matching =
                target.ends_with(connection.operation_to_lose.lock().unwrap().as_str());
            let is_lost = is_matching
                && connection
                    .to_lose
                    .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                        left.checked_sub(1)
                    })
                    .is_ok();
            if is_lost {
                connection.lost.fetch_add(1, Ordering::SeqCst);
                return Err(ConnectorError::timeout("the response was lost".into()));
            }
            Ok(response)
        })
    }
}
