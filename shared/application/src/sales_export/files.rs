//! Immutable data files, and the manifest that switches between their revisions.

use jiff::civil::Date;
use serde::Deserialize;
use stockline_domain::export::{DayDataset, Manifest, TimeZoneGroup, data_key};

use super::{ExportError, SalesExport};
use crate::ports::catalog::CatalogStore;
use crate::ports::export::{
    DatasetEncoder, ExportBucket, ExportFile, FileVersion, PutOutcome, SalesReader, StoredFile,
};
use crate::store_error::StoreError;

/// The manifest in force, in whatever format it was written.
pub(super) struct ManifestInForce {
    /// The revision in force.
    pub revision: u64,
    /// Whether the date was closed.
    pub closed: bool,
    /// The whole manifest, if it has the present format.
    pub manifest: Option<Manifest>,
}

/// The fields that every format has.
#[derive(Deserialize)]
struct ManifestHeader {
    version: u32,
    revision: u64,
    closed: bool,
}

impl ManifestInForce {
    fn parse(json: &[u8]) -> Result<Self, serde_json::Error> {
        let header: ManifestHeader = serde_json::from_slice(json)?;
        let has_present_format = header.version == Manifest::VERSION;
        Ok(Self {
            revision: header.revision,
            closed: header.closed,
            manifest: has_present_format
                .then(|| serde_json::from_slice(json))
                .transpose()?,
        })
    }
}

/// The media type of Parquet (IANA).
pub(super) const PARQUET: &str = "application/vnd.apache.parquet";

/// Whether a key holds the intended file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DataFile {
    /// It does: this run wrote it, or another run wrote the same bytes.
    Stored,
    /// Another run used the revision for other rows.
    RevisionTaken,
}

impl<Sales: SalesReader, Catalog: CatalogStore, Bucket: ExportBucket, Encoder: DatasetEncoder>
    SalesExport<Sales, Catalog, Bucket, Encoder>
{
    /// Stores a data file. A key is written once and never replaced.
    pub(super) async fn store_data_file(&self, file: ExportFile) -> Result<DataFile, StoreError> {
        let (key, sha256) = (file.key.clone(), file.sha256.clone());
        if self.bucket.sha256(&key).await?.is_none()
            && self.bucket.put(file, None).await? == PutOutcome::Written
        {
            return Ok(DataFile::Stored);
        }
        // After a conflict the key holds the file of another run, or of this run, if the response to its first attempt was lost.
        let stored = self.bucket.sha256(&key).await?;
        Ok(if stored.is_some_and(|stored| stored.content == sha256) {
            DataFile::Stored
        } else {
            DataFile::RevisionTaken
        })
    }

    /// The first revision after `taken` of which no file exists.
    pub(super) async fn free_revision(
        &self,
        group: &TimeZoneGroup,
        date: Date,
        taken: u64,
    ) -> Result<u64, StoreError> {
        let mut revision = taken;
        loop {
            revision += 1;
            let mut is_free = true;
            for dataset in DayDataset::ALL {
                let key = data_key(dataset, date, group, revision);
                is_free &= self.bucket.sha256(&key).await?.is_none();
            }
            if is_free {
                return Ok(revision);
            }
        }
    }

    pub(super) async fn read_manifest(
        &self,
        key: &str,
    ) -> Result<Option<StoredFile<ManifestInForce>>, ExportError> {
        let Some(found) = self.bucket.get(key).await? else {
            return Ok(None);
        };
        let content =
            ManifestInForce::parse(&found.content).map_err(|source| ExportError::Manifest {
                key: key.to_owned(),
                source,
            })?;
        Ok(Some(StoredFile {
            content,
            version: found.version,
        }))
    }

    /// Writes the manifest as one line of JSON, which Athena's JSON `SerDe` requires.
    pub(super) async fn put_manifest(
        &self,
        key: &str,
        manifest: &Manifest,
        expected: Option<&FileVersion>,
    ) -> Result<PutOutcome, ExportError> {
        let mut bytes = serde_json::to_vec(manifest).map_err(|source| ExportError::Manifest {
            key: key.to_owned(),
            source,
        })?;
        bytes.push(b'\n');
        let file = ExportFile::new(key.to_owned(), "application/json", bytes);
        Ok(self.bucket.put(file, expected).await?)
    }
}
