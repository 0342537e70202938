//! The export's bucket on S3.

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;

use crate::ports::export::{ExportBucket, ExportFile};
use crate::store_error::StoreError;

/// The metadata that holds a file's SHA-256: an `ETag` is no digest under KMS encryption.
const SHA256: &str = "sha256";

/// How long one try to send or fetch a file may take: a large day is more than the other calls' few seconds.
const TRANSFER_TIMEOUT: Duration = Duration::from_mins(2);

/// One bucket of exports.
#[derive(Debug, Clone)]
pub struct S3Exports {
    client: Client,
    bucket: String,
}

impl S3Exports {
    /// Files in `bucket`.
    pub fn new(client: Client, bucket: String) -> Self {
        Self { client, bucket }
    }
}

impl ExportBucket for S3Exports {
    async fn put(&self, file: ExportFile) -> Result<(), StoreError> {
        self.client
            .put_object()
            .bucket(&self.bucket)
            .key(file.key)
            .content_type(file.content_type)
            .metadata(SHA256, file.sha256)
            .body(ByteStream::from(file.bytes))
            .customize()
            .config_override(patient())
            .send()
            .await
            .map(|_| ())
            .map_err(sort("write an export"))
    }

    async fn sha256(&self, key: &str) -> Result<Option<String>, StoreError> {
        let found = self
            .client
            .head_object()
            .bucket(&self.bucket)
            .key(key)
            .send()
            .await;
        match found {
            Ok(head) => Ok(head
                .metadata
                .and_then(|mut metadata| metadata.remove(SHA256))),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(sort("look for an export")(error)),
        }
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(key)
            .customize()
            .config_override(patient())
            .send()
            .await;
        match found {
            Ok(object) => {
                let bytes = object
                    .body
                    .collect()
                    .await
                    .map_err(StoreError::failed("read an export"))?;
                Ok(Some(bytes.to_vec()))
            }
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(sort("read an export")(error)),
        }
    }
}

fn patient() -> Builder {
    Builder::new().timeout_config(
        TimeoutConfig::builder()
            .operation_attempt_timeout(TRANSFER_TIMEOUT)
            .build(),
    )
}

/// A `HEAD` of what is not there has no body to say so in: its status does.
fn is_absent<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    error
        .raw_response()
        .is_some_and(|response| response.status().as_u16() == 404)
        && error.code() != Some("NoSuchBucket")
}

fn sort<E>(context: &'static str) -> impl FnOnce(SdkError<E>) -> StoreError
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    move |error| match error.code() {
        Some("SlowDown" | "ServiceUnavailable" | "RequestLimitExceeded") => StoreError::Busy,
        _ => StoreError::failed(context)(error),
    }
}
