//! A small generated day, identical at every run, for machines that cannot download the real one.

use jiff::civil::date;

use super::basket::{Basket, BasketLine, Day, Product};

const STORES: u64 = 10;
const BASKETS_PER_STORE: u64 = 20;
const DELIVERED: u64 = 12;
const PRODUCTS: u64 = 60;

/// The generated day.
pub fn day() -> Day {
    let stores: Vec<String> = (1..=STORES)
        .map(|number| format!("store-{number}"))
        .collect();
    let mut baskets: Vec<Basket> = (0..STORES * BASKETS_PER_STORE)
        .map(|number| basket(number, &format!("store-{}", 1 + number % STORES), false))
        .collect();
    baskets.extend((0..DELIVERED).map(|number| basket(10_000 + number, "store-elsewhere", true)));
    baskets.sort_by_key(|basket| basket.sold);
    Day {
        name: "a generated day".into(),
        is_real: false,
        stores,
        products: (0..PRODUCTS).map(product).collect(),
        baskets,
        zero_quantity_lines: 0,
    }
}

fn product(number: u64) -> Product {
    let kinds = ["Apples", "Bread", "Milk", "Pasta", "Rice", "Tea"];
    let (kind, size) = (kinds[hash(number) % kinds.len()], 1 + number / 6);
    Product {
        sku: sku(number),
        name: Some(format!("{kind}, size {size}")),
        department: Some("GROCERY".into()),
        category: Some(kind.to_uppercase()),
        brand: None,
    }
}

fn sku(number: u64) -> String {
    format!("{}", 800_000 + number)
}

fn basket(number: u64, store: &str, is_delivered: bool) -> Basket {
    let max_lines = if is_delivered { 3 } else { 12 };
    let mut lines: Vec<BasketLine> = (0..=number % max_lines)
        .map(|line| {
            let mixed = number * 31 + line * 7;
            let quantity = 1 + i64::from(mixed.is_multiple_of(4));
            let cents = 99 + 10 * i64::try_from(hash(mixed) % 90).unwrap_or_default();
            BasketLine {
                sku: sku(mixed % PRODUCTS),
                quantity,
                total: quantity * cents - i64::from(mixed.is_multiple_of(5)),
            }
        })
        .collect();
    lines.dedup_by(|a, b| a.sku == b.sku);
    let minute = number * 37 % (14 * 60);
    let clock = |value: u64| i8::try_from(value).unwrap_or_default();
    Basket {
        id: (40_000_000 + number).to_string(),
        store: store.to_owned(),
        is_delivered,
        sold: date(2026, 1, 2).at(
            7 + clock(minute / 60),
            clock(minute % 60),
            clock(number % 60),
            0,
        ),
        lines,
    }
}

fn hash(number: u64) -> usize {
    usize::try_from(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_day_is_valid_and_reproducible() {
        let day = day();
        assert_eq!(day.baskets.len(), 212);
        assert!(day.baskets.iter().all(|basket| !basket.lines.is_empty()));
        assert!(
            day.baskets
                .iter()
                .flat_map(|basket| &basket.lines)
                .all(|line| line.total > 0 && line.quantity > 0)
        );
        let again = super::day();
        assert_eq!(format!("{:?}", again.baskets), format!("{:?}", day.baskets));
    }
}
