//! What cannot be exported, and what is said of it.

use stockline_application::ports::export::{ExportFile, PutOutcome};

use super::*;

#[tokio::test]
async fn a_day_that_could_not_be_written_has_no_manifest_and_keeps_no_other_day_back() {
    let retailer = retailer();
    retailer.sold(&one_sale());
    retailer
        .bucket
        .refuse(Some("sales_lines/business_date=2026-03-01/America"));
    let refusal = retailer.refusal(json!({})).await;
    assert_eq!(
        refusal,
        "1 of 2 days failed, export_manifest/business_date=2026-03-01/America-New_York.json: \
         the store is busy"
    );
    let written = retailer.bucket.written();
    assert!(written.contains(&BERLIN_MANIFEST.to_owned()), "{written:?}");
    assert!(
        !written.iter().any(|key| key.contains("America")),
        "{written:?}"
    );
    retailer.bucket.refuse(None);
    assert_eq!(retailer.export(json!({})).await.len(), 2);
    assert_eq!(retailer.bucket.written().len(), 2);
}

#[tokio::test]
async fn a_request_that_breaks_a_rule_is_refused_in_words() {
    let retailer = retailer();
    for (event, reason) in [
        (
            json!({"business_dates": ["2026-03-04"]}),
            "/business_dates/0 must not be in the future",
        ),
        (
            json!({"business_dates": []}),
            "/business_dates must hold 1 to 31 dates",
        ),
        (json!({"days": 32}), "/days must be 1 to 31"),
        (
            json!({"business_dates": ["1 March"]}),
            "the event must be {}",
        ),
        (json!({"dates": []}), "unknown field `dates`"),
        (json!("2026-03-01"), "the event must be {}"),
    ] {
        let refusal = retailer.refusal(event).await;
        assert!(refusal.contains(reason), "{refusal}");
    }
    assert_eq!(retailer.bucket.written(), [""; 0]);
}

#[tokio::test]
async fn a_manifest_that_cannot_be_read_is_named_and_left_alone() {
    let retailer = retailer();
    let broken = ExportFile::new(
        BERLIN_MANIFEST.to_owned(),
        "application/json",
        b"{".to_vec(),
    );
    let put = retailer.bucket.put(broken, None).await.unwrap();
    assert_eq!(put, PutOutcome::Written);
    let refusal = retailer.refusal(json!({})).await;
    assert!(
        refusal.contains(&format!(
            "the manifest {BERLIN_MANIFEST} cannot be read: EOF"
        )),
        "{refusal}"
    );
}
