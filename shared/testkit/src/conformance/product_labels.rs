//! What every store of product labels must do.

use std::collections::BTreeSet;
use std::time::Duration;

use stockline_application::deadline::Deadline;
use stockline_application::ports::catalog::{CatalogStore, ProductLabels};
use stockline_domain::catalog::Product;
use stockline_domain::ids::Sku;

use super::catalog::product;
use super::story_functions;

story_functions!(product_labels, [Store: CatalogStore + ProductLabels], [super], Store);

async fn labels_of_many_products_are_read<Store: CatalogStore + ProductLabels>(store: &Store) {
    let deadline = Deadline::within(Duration::from_secs(20));
    let milk = Product {
        category: Some("Dairy".to_owned()),
        ..product("milk")
    };
    store.put_product(&milk, deadline).await.unwrap();
    let mut skus = BTreeSet::from([milk.sku.clone(), "unknown".parse::<Sku>().unwrap()]);
    for number in 0..120 {
        let product = product(&format!("sku-{number}"));
        store.put_product(&product, deadline).await.unwrap();
        skus.insert(product.sku);
    }
    let labels = store.product_labels(&skus, deadline).await.unwrap();
    assert_eq!(labels.len(), 121);
    let label = &labels[&milk.sku];
    assert_eq!(
        (label.name.as_str(), label.category.as_deref()),
        ("Product milk", Some("Dairy"))
    );
    assert_eq!(labels[&"sku-119".parse::<Sku>().unwrap()].category, None);
    let none = store
        .product_labels(&BTreeSet::new(), deadline)
        .await
        .unwrap();
    assert!(none.is_empty());
}
