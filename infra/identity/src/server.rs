//! The HTTP server: reads requests within limits of size and time, and hands them to the provider.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::provider::{Provider, failed};

/// The largest body of a request.
const MAX_BODY_BYTES: usize = 32 * 1024;
/// How long a client may take to send a head or a body.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// Serves until the process ends.
pub async fn serve(listener: TcpListener, provider: Provider) {
    let provider = Arc::new(provider);
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // The process may have no free file descriptor. Connections that end return some.
                eprintln!("error: cannot accept a connection: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let provider = provider.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| answer(&provider, request));
            // An error here is a broken connection, which concerns the client only.
            let _ = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(READ_TIMEOUT)
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(
    provider: &Provider,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let read = timeout(READ_TIMEOUT, Limited::new(body, MAX_BODY_BYTES).collect()).await;
    let response = match read {
        Ok(Ok(body)) => provider.respond(&Request::from_parts(head, body.to_bytes())),
        Ok(Err(_)) => failed(
            StatusCode::PAYLOAD_TOO_LARGE,
            "Request failed",
            &format!("the body must be complete and have at most {MAX_BODY_BYTES} bytes"),
        ),
        Err(_) => failed(
            StatusCode::REQUEST_TIMEOUT,
            "Request failed",
            "the body did not arrive in time",
        ),
    };
    Ok(response.map(Full::new))
}
