//! The HTTP connection under the AWS client.

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;

use super::service::{Reply, Service};

const TARGET: &str = "DynamoDB_20120810.";

/// Hands each request to the service.
#[derive(Debug, Clone)]
pub struct Connection(Service);

impl Connection {
    /// To `service`.
    pub fn to(service: Service) -> Self {
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
            .and_then(|target| target.strip_prefix(TARGET))
            .expect("only DynamoDB is simulated")
            .to_owned();
        let body = request.body().bytes().unwrap_or_default().to_vec();
        let service = self.0.clone();
        HttpConnectorFuture::new(async move {
            match service.call(operation, body).await {
                Reply::Answered(status, body) => {
                    let status = status.try_into().expect("a status is a status");
                    Ok(HttpResponse::new(status, SdkBody::from(body.to_string())))
                }
                Reply::RequestLost => {
                    Err(ConnectorError::io("the request was lost on the way".into()))
                }
                Reply::ResponseLost => Err(ConnectorError::timeout(
                    "the response was lost on the way".into(),
                )),
            }
        })
    }
}
