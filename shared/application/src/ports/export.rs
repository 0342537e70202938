//! The orders that an export reads, and the bucket that it writes to.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::future::Future;

use jiff::civil::Date;
use sha2::{Digest, Sha256};
use stockline_domain::export::late::LateDay;
use stockline_domain::ids::LocationId;
use stockline_domain::order::Order;

use crate::paging::{Listing, Position};
use crate::store_error::StoreError;

/// Reads the orders of whole days.
pub trait SalesReader: Send + Sync {
    /// Lists the orders of one location and business date, oldest first, in pages of the store's choice. Eventually consistent.
    fn page(
        &self,
        location: &LocationId,
        business_date: Date,
        after: Option<Position>,
    ) -> impl Future<Output = Result<Listing<Order>, StoreError>> + Send;

    /// The business dates of orders with a late write on `day` (UTC); `stockline_domain::export::late` defines late. Eventually
    /// consistent.
    fn written_late(
        &self,
        day: Date,
    ) -> impl Future<Output = Result<BTreeSet<LateDay>, StoreError>> + Send;
}

/// A file to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportFile {
    /// The object key.
    pub key: String,
    /// The media type.
    pub content_type: &'static str,
    /// The SHA-256 of the bytes, in hexadecimal.
    pub sha256: String,
    /// The content.
    pub bytes: Vec<u8>,
}

impl ExportFile {
    /// A file with this content.
    pub fn new(key: String, content_type: &'static str, bytes: Vec<u8>) -> Self {
        Self {
            key,
            content_type,
            sha256: sha256_hex(&bytes),
            bytes,
        }
    }
}

fn sha256_hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The version of a stored file, such as its `ETag`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileVersion(pub String);

/// A stored file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile<T> {
    /// The requested part of it.
    pub content: T,
    /// Its version.
    pub version: FileVersion,
}

/// The outcome of writing a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum PutOutcome {
    /// The file is written.
    Written,
    /// Nothing changed: another run wrote the key since it was read.
    Conflict,
}

/// The bucket of exported files.
pub trait ExportBucket: Send + Sync {
    /// Writes the file if the key still holds the version `over`, or no file if `over` is `None`. The write is atomic: readers
    /// see the old file or the new one.
    fn put(
        &self,
        file: ExportFile,
        over: Option<&FileVersion>,
    ) -> impl Future<Output = Result<PutOutcome, StoreError>> + Send;

    /// The SHA-256 of the file at `key`, from its metadata; `None` if there is no file.
    fn sha256(
        &self,
        key: &str,
    ) -> impl Future<Output = Result<Option<StoredFile<String>>, StoreError>> + Send;

    /// Reads the file at `key`; `None` if there is no file.
    fn get(
        &self,
        key: &str,
    ) -> impl Future<Output = Result<Option<StoredFile<Vec<u8>>>, StoreError>> + Send;
}
