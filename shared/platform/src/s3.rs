//! The bucket of exports on S3.

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

/// The metadata entry with a file's SHA-256. Under KMS encryption an `ETag` is not a digest of the content.
const SHA256: &str = "sha256";

/// The time limit of one attempt to transfer a file. A large day takes longer than the few seconds of other calls.
const TRANSFER_TIMEOUT: Duration = Duration::from_mins(2);

/// One bucket of exports.
#[derive(Debug, Clone)]
pub struct S3Exports {
    client: Client,
    bucket: String,
}

impl S3Exports {
    /// Creates a store of the files in `bucket`.
    pub fn new(client: Client, bucket: String) -> Self {
        Self { client, bucket }
    }
}

impl ExportBucket for S3Exports {
    async fn put(
        &self,
        file: ExportFile,
        expected: Option<&FileVersion>,
    ) -> Result<PutOutcome, StoreError> {
        let sent = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(file.key)
            .content_type(file.content_type)
            .metadata(SHA256, file.sha256)
            .body(ByteStream::from(file.bytes))
            .set_if_match(expected.map(|version| version.0.clone()))
            .set_if_none_match(expected.is_none().then(|| "*".to_owned()))
            .customize()
            .config_override(transfer_config())
            .send()
            .await;
        match sent {
            Ok(_) => Ok(PutOutcome::Written),
            Err(error) if is_conflict(&error) => Ok(PutOutcome::Conflict),
            Err(error) => Err(classify_error("write an export")(error)),
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
            // A file that another tool wrote has no digest, so it equals no file of the export.
            Ok(head) => Ok(Some(StoredFile {
                content: head
                    .metadata
                    .and_then(|mut metadata| metadata.remove(SHA256))
                    .unwrap_or_default(),
                version: version(head.e_tag)?,
            })),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(classify_error("look up an export")(error)),
        }
    }

    async fn get(&self, key: &str) -> Result<Option<StoredFile<Vec<u8>>>, StoreError> {
        let found = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(key)
            .customize()
            .config_override(transfer_config())
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
            Err(error) => Err(classify_error("read an export")(error)),
        }
    }
}

fn transfer_config() -> Builder {
    Builder::new().timeout_config(
        TimeoutConfig::builder()
            .operation_attempt_timeout(TRANSFER_TIMEOUT)
            .build(),
    )
}

fn version(e_tag: Option<String>) -> Result<FileVersion, StoreError> {
    e_tag
        .map(FileVersion)
        .ok_or_else(|| StoreError::failed("look up an export")("the file has no ETag"))
}

/// Returns whether another write was first: 412 if it has ended, 409 if it is running, 404 if the expected file was deleted.
fn is_conflict<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    let status = error
        .raw_response()
        .map(|response| response.status().as_u16());
    matches!(status, Some(409 | 412)) || is_absent(error)
}

/// Returns whether the object does not exist. The response to a `HEAD` has no body, so only its status tells.
fn is_absent<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    error
        .raw_response()
        .is_some_and(|response| response.status().as_u16() == 404)
        && error.code() != Some("NoSuchBucket")
}

fn classify_error<E>(context: &'static str) -> impl FnOnce(SdkError<E>) -> StoreError
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    move |error| match error.code() {
        Some("SlowDown" | "ServiceUnavailable" | "RequestLimitExceeded") => StoreError::Busy,
        _ => StoreError::failed(context)(error),
    }
}
