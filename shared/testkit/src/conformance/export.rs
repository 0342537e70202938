//! What every reader of sales and every bucket of exports must do.

use jiff::Timestamp;
use jiff::civil::{Date, date};
use stockline_application::ports::export::{
    ExportBucket, ExportFile, FileVersion, PutOutcome, SalesReader,
};
use stockline_domain::export::late::LateDay;
use stockline_domain::order::Order;

use crate::orders::order;

async fn read<R: SalesReader>(reader: &R, location: &str, business_date: Date) -> Vec<Order> {
    let (location, mut orders, mut after) = (location.parse().unwrap(), Vec::new(), None);
    loop {
        let page = reader.page(&location, business_date, after).await.unwrap();
        orders.extend(page.items);
        after = page.next;
        if after.is_none() {
            return orders;
        }
    }
}

/// A day's orders are read once each, as they were written, and no other day's or location's with them; `put` writes one.
pub async fn a_day_is_read_whole_and_alone<R: SalesReader>(reader: &R, put: impl AsyncFn(Order)) {
    let day = date(2026, 3, 1);
    let mut expected: Vec<Order> = (0..8)
        .map(|number| {
            order(
                &number.to_string(),
                "store-1",
                "pos",
                &[("milk", 1), ("eggs", 2)],
            )
        })
        .collect();
    for order in &expected {
        put(order.clone()).await;
    }
    put(order("elsewhere", "store-10", "pos", &[("milk", 1)])).await;
    let mut tomorrow = order("tomorrow", "store-1", "pos", &[("milk", 1)]);
    tomorrow.business_date = date(2026, 3, 2);
    put(tomorrow.clone()).await;

    // Taken in the same millisecond, they come in the order of their ids.
    expected.sort_by_key(|order| order.order_id);
    assert_eq!(read(reader, "store-1", day).await, expected);
    assert_eq!(read(reader, "store-1", date(2026, 3, 2)).await, [tomorrow]);
    assert_eq!(read(reader, "store-2", day).await, []);
}

/// A file is there once it is written, and its digest tells what is in it.
pub async fn a_file_is_replaced_whole<B: ExportBucket>(bucket: &B) {
    let key = "sales_lines/business_date=2026-03-01/Etc-GMT+1.parquet";
    let file = |text: &str| ExportFile::new(key.to_owned(), "text/plain", text.as_bytes().to_vec());
    assert_eq!(bucket.sha256(key).await.unwrap(), None);
    assert_eq!(bucket.get(key).await.unwrap(), None);
    let mut over: Option<FileVersion> = None;
    for text in ["first", "second", ""] {
        let put = bucket.put(file(text), over.as_ref()).await.unwrap();
        assert_eq!(put, PutOutcome::Written);
        let there = bucket.get(key).await.unwrap().unwrap();
        assert_eq!(there.content, text.as_bytes());
        let digest = bucket.sha256(key).await.unwrap().unwrap();
        assert_eq!(digest.content, file(text).sha256);
        assert_eq!(digest.version, there.version);
        over = Some(there.version);
    }
    // Of no bytes (FIPS 180-4).
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let there = bucket.sha256(key).await.unwrap().unwrap();
    assert_eq!(there.content, empty);
}

/// Of two that saw the same, the first writes and the other is overtaken and changes nothing.
pub async fn of_two_writers_one_is_overtaken<B: ExportBucket>(bucket: &B) {
    let key = "export_manifest/business_date=2026-03-01/Etc-GMT+1.json";
    let put = async |text: &str, over: Option<&FileVersion>| {
        let file = ExportFile::new(key.to_owned(), "text/plain", text.as_bytes().to_vec());
        bucket.put(file, over).await.unwrap()
    };
    assert_eq!(put("one", None).await, PutOutcome::Written);
    assert_eq!(put("two", None).await, PutOutcome::Conflict);
    let seen = bucket.get(key).await.unwrap().unwrap();
    assert_eq!(seen.content, b"one");
    assert_eq!(put("three", Some(&seen.version)).await, PutOutcome::Written);
    assert_eq!(put("four", Some(&seen.version)).await, PutOutcome::Conflict);
    assert_eq!(bucket.get(key).await.unwrap().unwrap().content, b"three");
}

/// An order that is written late is found under the day it was written on, however old its own; `write` writes one at a time.
pub async fn a_late_write_is_found_by_its_day<R: SalesReader>(
    reader: &R,
    write: impl AsyncFn(Order, Timestamp),
) {
    let late_day = |location: &str| LateDay {
        location_id: location.parse().unwrap(),
        business_date: date(2026, 3, 1),
    };
    let at = |text: &str| -> Timestamp { text.parse().unwrap() };
    for (key, location, written) in [
        ("in time", "store-1", "2026-03-02T12:00:00Z"),
        ("late", "store-1", "2026-05-01T12:00:00Z"),
        ("late, too", "store-1", "2026-05-01T13:00:00Z"),
        ("elsewhere", "store-2", "2026-05-01T23:59:59Z"),
        ("later", "store-3", "2026-05-02T00:00:00Z"),
    ] {
        write(order(key, location, "online", &[("milk", 1)]), at(written)).await;
    }
    let found = async |day| reader.written_late(day).await.unwrap();
    assert_eq!(found(date(2026, 3, 2)).await, [].into());
    assert_eq!(
        found(date(2026, 5, 1)).await,
        [late_day("store-1"), late_day("store-2")].into()
    );
    assert_eq!(found(date(2026, 5, 2)).await, [late_day("store-3")].into());
}

#[cfg(test)]
mod tests {
    use super::*;
    use stockline_application::fingerprint::Fingerprint;

    use crate::memory::export::MemoryBucket;
    use crate::memory::shop::MemoryShop;

    #[tokio::test]
    async fn sales_in_memory_conform() {
        let shop = MemoryShop::default();
        let put = async |order: Order| {
            let entry = (order.clone(), Fingerprint::of(&"a").unwrap());
            shop.open().orders.insert(order.order_id, entry);
        };
        a_day_is_read_whole_and_alone(&shop, put).await;
    }

    #[tokio::test]
    async fn a_bucket_in_memory_conforms() {
        a_file_is_replaced_whole(&MemoryBucket::default()).await;
        of_two_writers_one_is_overtaken(&MemoryBucket::default()).await;
    }

    #[tokio::test]
    async fn late_writes_in_memory_conform() {
        let shop = MemoryShop::default();
        let write = async |order: Order, at| {
            let request = Fingerprint::of(&"a").unwrap();
            shop.open().write_order(order, request, at);
        };
        a_late_write_is_found_by_its_day(&shop, write).await;
    }
}
