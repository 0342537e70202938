//! The export's bucket on S3.

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;

use stockline_application::ports::export::{
    ExportBucket, ExportFile, FileVersion, PutOutcome, StoredFile,
};
use stockline_application::store_error::StoreError;

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
    async fn put(
        &self,
        file: ExportFile,
        over: Option<&FileVersion>,
    ) -> Result<PutOutcome, StoreError> {
        let sent = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(file.key)
            .content_type(file.content_type)
            .metadata(SHA256, file.sha256)
            .body(ByteStream::from(file.bytes))
            .set_if_match(over.map(|version| version.0.clone()))
            .set_if_none_match(over.is_none().then(|| "*".to_owned()))
            .customize()
            .config_override(patient())
            .send()
            .await;
        match sent {
            Ok(_) => Ok(PutOutcome::Written),
            Err(error) if is_overtaken(&error) => Ok(PutOutcome::Conflict),
            Err(error) => Err(sort("write an export")(error)),
        }
    }

    async fn sha256(&self, key: &str) -> Result<Option<StoredFile<String>>, StoreError> {
        let found = self
            .client
            .head_object()
            .bucket(&self.bucket)
            .key(key)
            .send()
            .await;
        match found {
            // What another tool wrote has no digest and is not what is looked for; it is replaced.
            Ok(head) => Ok(Some(StoredFile {
                content: head
                    .metadata
                    .and_then(|mut metadata| metadata.remove(SHA256))
                    .unwrap_or_default(),
                version: version(head.e_tag)?,
            })),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(sort("look for an export")(error)),
        }
    }

    async fn get(&self, key: &str) -> Result<Option<StoredFile<Vec<u8>>>, StoreError> {
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
                let version = version(object.e_tag)?;
                let bytes = object
                    .body
                    .collect()
                    .await
                    .map_err(StoreError::failed("read an export"))?;
                Ok(Some(StoredFile {
                    content: bytes.to_vec(),
                    version,
                }))
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

fn version(e_tag: Option<String>) -> Result<FileVersion, StoreError> {
    e_tag
        .map(FileVersion)
        .ok_or_else(|| StoreError::failed("look for an export")("the file has no ETag"))
}

/// 412: another was written before; 409: another is being written; 404: what was seen is gone.
fn is_overtaken<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    let status = error
        .raw_response()
        .map(|response| response.status().as_u16());
    matches!(status, Some(409 | 412)) || is_absent(error)
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
