//! What an export reads and writes: the orders and refunds of whole days, the encoding of rows, and the bucket of files.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::Write;
use std::future::Future;

use jiff::civil::Date;
use sha2::{Digest, Sha256};
use stockline_domain::catalog::{Location, Product};
use stockline_domain::export::late::LateDay;
use stockline_domain::export::{RefundLine, SalesLine, TooLarge};
use stockline_domain::ids::{LocationId, OrderId};
use stockline_domain::order::{Order, Refund};

use crate::paging::{Listing, Position};
use crate::store_error::StoreError;

/// Reads the orders and refunds of whole days. All reads are eventually consistent.
pub trait SalesReader: Send + Sync {
    /// Lists the orders of one location and business date, oldest first, in pages of the store's choice.
    fn page(
        &self,
        location: &LocationId,
        business_date: Date,
        after: Option<Position>,
    ) -> impl Future<Output = Result<Listing<Order>, StoreError>> + Send;

    /// Lists the refunds at one location on one business date, oldest first, in pages of the store's choice.
    fn refunds_page(
        &self,
        location: &LocationId,
        business_date: Date,
        after: Option<Position>,
    ) -> impl Future<Output = Result<Listing<Refund>, StoreError>> + Send;

    /// Reads the orders `ids`, in any order. Unknown ids are left out.
    fn find_orders(
        &self,
        ids: &BTreeSet<OrderId>,
    ) -> impl Future<Output = Result<Vec<Order>, StoreError>> + Send;

    /// The business dates of orders with a late write on `day` (UTC); `stockline_domain::export::late` defines late.
    fn written_late(
        &self,
        day: Date,
    ) -> impl Future<Output = Result<BTreeSet<LateDay>, StoreError>> + Send;
}

/// A row cannot be encoded.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// An amount exceeds the decimals of the files. It is never truncated.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// The encoder failed.
    #[error("encoding a file failed")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
}

/// An encoded file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedFile {
    /// The content.
    pub bytes: Vec<u8>,
    /// The number of rows.
    pub rows: u64,
}

/// Encodes rows as files. The same rows in the same order give the same bytes.
pub trait DatasetEncoder: Send + Sync {
    /// The files of one business date.
    type Day: DayEncoder;
    /// The files of the catalog.
    type Catalog: CatalogEncoder;

    /// Starts the files of one business date.
    fn day(&self) -> Result<Self::Day, EncodeError>;

    /// Starts the files of the catalog.
    fn catalog(&self) -> Result<Self::Catalog, EncodeError>;
}

/// Encodes `sales_lines` and `refund_lines` of one business date.
pub trait DayEncoder: Send {
    /// Appends a row to `sales_lines`.
    fn add_sale(&mut self, row: &SalesLine<'_>) -> Result<(), EncodeError>;

    /// Appends a row to `refund_lines`.
    fn add_refund(&mut self, row: &RefundLine<'_>) -> Result<(), EncodeError>;

    /// Returns `sales_lines` and `refund_lines`.
    fn finish(self) -> Result<(EncodedFile, EncodedFile), EncodeError>;
}

/// Encodes `dim_products` and `dim_locations`.
pub trait CatalogEncoder: Send {
    /// Appends rows to `dim_products`.
    fn add_products(&mut self, products: &[Product]) -> Result<(), EncodeError>;

    /// Appends rows to `dim_locations`.
    fn add_locations(&mut self, locations: &[Location]) -> Result<(), EncodeError>;

    /// Returns `dim_products` and `dim_locations`.
    fn finish(self) -> Result<(EncodedFile, EncodedFile), EncodeError>;
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
            sha256: sha256_hex(Sha256::new().chain_update(&bytes)),
            bytes,
        }
    }
}

/// The digest in hexadecimal.
pub fn sha256_hex(digest: Sha256) -> String {
    let mut text = String::with_capacity(64);
    for byte in digest.finalize() {
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
    /// Nothing changed: the key does not hold the expected version.
    Conflict,
}

/// The bucket of exported files.
pub trait ExportBucket: Send + Sync {
    /// Writes the file if the key still holds the version `expected`, or no file if `expected` is `None`. The write is atomic:
    /// readers see the old file or the new one. After a lost response a repeated write is a conflict with itself.
    fn put(
        &self,
        file: ExportFile,
        expected: Option<&FileVersion>,
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
