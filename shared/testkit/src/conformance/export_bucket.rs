//! What every export bucket must do.

use stockline_application::ports::export::{ExportBucket, ExportFile, FileVersion, PutOutcome};

use super::story_functions;

story_functions!(export_bucket, [Bucket: ExportBucket], [super], Bucket);

async fn put_replaces_the_whole_file<Bucket: ExportBucket>(bucket: &Bucket) {
    let key = "sales_lines/business_date=2026-03-01/Etc-GMT+1.parquet";
    let file = |text: &str| ExportFile::new(key.to_owned(), "text/plain", text.as_bytes().to_vec());
    assert_eq!(bucket.sha256(key).await.unwrap(), None);
    assert_eq!(bucket.get(key).await.unwrap(), None);
    let mut previous: Option<FileVersion> = None;
    for text in ["first", "second", ""] {
        let put = bucket.put(file(text), previous.as_ref()).await.unwrap();
        assert_eq!(put, PutOutcome::Written);
        let stored = bucket.get(key).await.unwrap().unwrap();
        assert_eq!(stored.content, text.as_bytes());
        let digest = bucket.sha256(key).await.unwrap().unwrap();
        assert_eq!(digest.content, file(text).sha256);
        assert_eq!(digest.version, stored.version);
        previous = Some(stored.version);
    }
    // SHA-256 of zero bytes (FIPS 180-4).
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let stored = bucket.sha256(key).await.unwrap().unwrap();
    assert_eq!(stored.content, empty);
}

async fn put_over_an_outdated_version_is_a_conflict<Bucket: ExportBucket>(bucket: &Bucket) {
    let key = "export_manifest/business_date=2026-03-01/Etc-GMT+1.json";
    let put = async |text: &str, over: Option<&FileVersion>| {
        let file = ExportFile::new(key.to_owned(), "text/plain", text.as_bytes().to_vec());
        bucket.put(file, over).await.unwrap()
    };
    assert_eq!(put("one", None).await, PutOutcome::Written);
    assert_eq!(put("two", None).await, PutOutcome::Conflict);
    let current = bucket.get(key).await.unwrap().unwrap();
    assert_eq!(current.content, b"one");
    assert_eq!(
        put("three", Some(&current.version)).await,
        PutOutcome::Written
    );
    assert_eq!(
        put("four", Some(&current.version)).await,
        PutOutcome::Conflict
    );
    assert_eq!(bucket.get(key).await.unwrap().unwrap().content, b"three");
}
