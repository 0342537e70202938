//! What every reader of sales and every bucket of exports must do.

use jiff::civil::{Date, date};
use stockline_domain::order::Order;
use stockline_platform::ports::export::{ExportBucket, ExportFile, SalesReader};

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
    for text in ["first", "second", ""] {
        bucket.put(file(text)).await.unwrap();
        assert_eq!(
            bucket.get(key).await.unwrap(),
            Some(text.as_bytes().to_vec())
        );
        assert_eq!(bucket.sha256(key).await.unwrap(), Some(file(text).sha256));
    }
    // Of no bytes (FIPS 180-4).
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(bucket.sha256(key).await.unwrap().as_deref(), Some(empty));
}

#[cfg(test)]
mod tests {
    use super::*;
    use stockline_platform::fingerprint::Fingerprint;

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
    }
}
