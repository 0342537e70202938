//! The HTTP connector of the AWS client, which calls the simulated service instead of a network.

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;

use super::service::{Reply, Service};

const TARGET_PREFIX: &str = "DynamoDB_20120810.";

/// Passes each HTTP request to the service.
#[derive(Debug, Clone)]
pub struct Connection(Service);

impl Connection {
    /// Creates a connector to `service`.
    pub fn new(service: Service) -> Self {
        Self(service)
    }
}

impl HttpClient for Connection {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Connection {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let operation = request
            .headers()
            .get("x-amz-target")
            .and_then(|target| target.strip_prefix(TARGET_PREFIX))
            .expect("x-amz-target must name a DynamoDB operation: no other service is simulated")
            .to_owned();
        let body = request.body().bytes().unwrap_or_default().to_vec();
        let service = self.0.clone();
        HttpConnectorFuture::new(async move {
            match service.call(operation, body).await {
                Reply::Response(status, body) => {
                    let status = status.try_into().expect("the HTTP status is valid");
                    Ok(HttpResponse::new(status, SdkBody::from(body.to_string())))
                }
                Reply::RequestLost => {
                    Err(ConnectorError::io("simulated loss of the request".into()))
                }
                Reply::ResponseLost => Err(ConnectorError::timeout(
                    "simulated loss of the response".into(),
                )),
            }
        })
    }
}
