//! What a failed export logs.

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use super::*;

/// Collects error events, each as its fields in one text.
#[derive(Debug, Clone, Default)]
struct ErrorLog(Arc<Mutex<Vec<String>>>);

impl Subscriber for ErrorLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::ERROR
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields(String::new());
        event.record(&mut fields);
        self.0.lock().unwrap().push(fields.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Writing to a string cannot fail.
        let _ = write!(self.0, "{}={value:?} ", field.name());
    }
}

async fn errors_of(retailer: &Retailer, event: Value) -> Vec<String> {
    let log = ErrorLog::default();
    let guard = tracing::subscriber::set_default(log.clone());
    retailer.error_message(event).await;
    drop(guard);
    log.0.lock().unwrap().clone()
}

#[tokio::test]
async fn failed_day_is_logged_once() {
    let retailer = retailer();
    retailer
        .bucket
        .fail_puts(Some("sales_lines/business_date=2026-03-01/Europe"));
    let errors = errors_of(&retailer, json!({})).await;
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].contains(BERLIN_MANIFEST), "{errors:?}");
    assert!(errors[0].contains("the store is busy"), "{errors:?}");
}

#[tokio::test]
async fn failed_run_is_logged_once() {
    let retailer = retailer();
    retailer.bucket.fail_puts(Some("dim_products"));
    let errors = errors_of(&retailer, json!({})).await;
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].contains("dim_products"), "{errors:?}");
    retailer.catalog.lock().busy = true;
    let errors = errors_of(&retailer, json!({})).await;
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].contains("export failed"), "{errors:?}");
    let errors = errors_of(&retailer, json!({"days": 0})).await;
    assert_eq!(errors.len(), 1, "{errors:?}");
}
