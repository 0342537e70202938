//! What every store of audit records, the findings of an audit, must do.

use stockline_application::ports::audit_data::{AuditRecord, AuditRecordStore};
use stockline_domain::audit::Difference;

use super::story_functions;

story_functions!(audit_records, [Records: AuditRecordStore], [super], Records);

async fn findings_are_kept_by_day_until_a_later_run<Records: AuditRecordStore>(records: &Records) {
    let location = "kept".parse().unwrap();
    let day = jiff::civil::date(2026, 3, 2);
    let record = |sku: &str, run_at: &str| AuditRecord {
        location_id: "kept".parse().unwrap(),
        sku: sku.parse().unwrap(),
        run_at: run_at.parse().unwrap(),
        confirmed: true,
        versions: vec![7],
        differences: vec![Difference::Orders {
            allocated: 3,
            open: 2,
        }],
    };
    let (first_run, second_run) = ("2026-03-02T01:00:00.25Z", "2026-03-02T02:00:00Z");
    for sku in ["milk", "bread"] {
        records.keep(day, &record(sku, first_run)).await.unwrap();
    }
    records
        .keep(day, &record("milk", second_run))
        .await
        .unwrap();
    let kept = records.found_on(&location, day).await.unwrap();
    assert_eq!(
        kept,
        [record("bread", first_run), record("milk", second_run)]
    );

    let run_at = second_run.parse().unwrap();
    records.forget_before(&location, day, run_at).await.unwrap();
    let kept = records.found_on(&location, day).await.unwrap();
    assert_eq!(kept, [record("milk", second_run)]);
    let other_day = jiff::civil::date(2026, 3, 3);
    assert_eq!(records.found_on(&location, other_day).await.unwrap(), []);
}
