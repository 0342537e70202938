//! What the export reads orders from and writes files to.

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
    /// The orders of one location and business date after `after`, in the order they were placed; as many as the store
    /// gives at once. An order written a moment ago may be missing.
    fn page(
        &self,
        location: &LocationId,
        business_date: Date,
        after: Option<Position>,
    ) -> impl Future<Output = Result<Listing<Order>, StoreError>> + Send;

    /// The days of the orders whose last write was late (`stockline_domain::export::late`) and made on `day` in UTC. One
    /// written a moment ago may be missing.
    fn written_late(
        &self,
        day: Date,
    ) -> impl Future<Output = Result<BTreeSet<LateDay>, StoreError>> + Send;
}

/// A file to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportFile {
    /// Where in the bucket.
    pub key: String,
    /// What it is, as a media type.
    pub content_type: &'static str,
    /// The SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl ExportFile {
    /// A file of these bytes.
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

/// Which bytes a key held when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(pub String);

/// A file that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<T> {
    /// What was asked of it.
    pub content: T,
    /// Which it is.
    pub version: Version,
}

/// What became of a file that was to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Put {
    /// It is written.
    Written,
    /// Another was written since the key was looked at; it is left as it is.
    Overtaken,
}

/// Keeps exported files.
pub trait ExportBucket: Send + Sync {
    /// Writes the file in one piece, if the key still holds `over`, or nothing if that is none: a reader sees the old file
    /// or the new one, and of two writers that saw the same one is overtaken.
    fn put(
        &self,
        file: ExportFile,
        over: Option<&Version>,
    ) -> impl Future<Output = Result<Put, StoreError>> + Send;

    /// The SHA-256 of the file at `key`, as it was written; none where there is no file.
    fn sha256(
        &self,
        key: &str,
    ) -> impl Future<Output = Result<Option<Found<String>>, StoreError>> + Send;

    /// The file at `key`, where there is one.
    fn get(
        &self,
        key: &str,
    ) -> impl Future<Output = Result<Option<Found<Vec<u8>>>, StoreError>> + Send;
}
