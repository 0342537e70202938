//! Reports over HTTP.

mod costs;

use serde_json::{Value, json};
use stockline_application::location_cache::LocationCache;
use stockline_application::ports::sales_tally::TallyStore;
use stockline_domain::catalog::Product;
use stockline_domain::ids::{OrderId, RefundId};
use stockline_domain::tally::{Contribution, ContributionId, SkuAmounts, TallyCell, TallyWrite};
use stockline_platform::edge::answer;
use stockline_testkit::calls::{CallBuilder, call};
use stockline_testkit::clock::FakeClock;
use stockline_testkit::conformance::catalog::product;
use stockline_testkit::memory::catalog::{MemoryCatalog, store};
use stockline_testkit::memory::sales_tally::MemoryTally;

use super::*;

const SALES: &str = "/v1/locations/{location_id}/reports/sales";

struct Fixture {
    tally: MemoryTally,
    catalog: MemoryCatalog,
    reports: SalesReports<MemoryTally, MemoryCatalog, FakeClock>,
}

/// A tally of `store-1` with two sales and a refund, on two days.
async fn fixture() -> Fixture {
    let tally = MemoryTally::default();
    let catalog = MemoryCatalog::with_locations([
        store("store-1", "Europe/Berlin", 0),
        store("store-2", "Europe/Berlin", 0),
    ]);
    let clock = FakeClock::at("2026-03-02T18:00:00Z");
    let dairy = |sku: &str, name: &str| Product {
        name: name.to_owned(),
        category: Some("Dairy".to_owned()),
        ..product(sku)
    };
    for product in [
        dairy("milk", "Milk, 1 l"),
        dairy("cheese", "=HYPERLINK(\"http://evil\")"),
        product("bread"),
    ] {
        catalog.lock().products.insert(product.sku.clone(), product);
    }
    for contribution in [
        sale("a", "2026-03-01", 9, &[("milk", 199), ("bread", 250)]),
        sale("b", "2026-03-02", 17, &[("milk", 199), ("cheese", 1005)]),
        refund("b", "2026-03-02", 17, "milk", 199),
    ] {
        add(&tally, contribution).await;
    }
    let reports = SalesReports {
        tally: tally.clone(),
        products: catalog.clone(),
        locations: LocationCache::new(catalog.clone(), clock.clone()),
        clock,
    };
    Fixture {
        tally,
        catalog,
        reports,
    }
}

async fn add<Tally: TallyStore>(tally: &Tally, contribution: Contribution) {
    let hour = contribution.cell.hour;
    let at = contribution.cell.business_date.at(hour, 30, 0, 0);
    let at = at.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp();
    let write = TallyWrite::next(None, None, contribution).unwrap().unwrap();
    let deadline =
        stockline_application::deadline::Deadline::within(std::time::Duration::from_secs(5));
    let _ = tally.write(&write, at, deadline).await.unwrap();
}

fn line(sku: &str, amount: i64) -> SkuAmounts {
    SkuAmounts {
        sku: sku.parse().unwrap(),
        quantity: 1,
        gross: amount + 10,
        tax: 13,
        net: amount,
        total: amount,
    }
}

fn contribution(id: ContributionId, date: &str, hour: i8, lines: Vec<SkuAmounts>) -> Contribution {
    Contribution {
        id,
        cell: TallyCell {
            location_id: "store-1".parse().unwrap(),
            business_date: date.parse().unwrap(),
            hour,
            currency: "EUR".parse().unwrap(),
        },
        revision: 1,
        lines,
    }
}

fn sale(key: &str, date: &str, hour: i8, lines: &[(&str, i64)]) -> Contribution {
    let mut lines: Vec<SkuAmounts> = lines
        .iter()
        .map(|(sku, amount)| line(sku, *amount))
        .collect();
    lines.sort_by(|a, b| a.sku.cmp(&b.sku));
    let id = OrderId::derive("till", key);
    contribution(ContributionId::Order(id), date, hour, lines)
}

fn refund(key: &str, date: &str, hour: i8, sku: &str, amount: i64) -> Contribution {
    let id = RefundId::derive(OrderId::derive("till", key), "till", key);
    let lines = vec![line(sku, amount)];
    contribution(ContributionId::Refund(id), date, hour, lines)
}

fn report(by: &str) -> CallBuilder {
    range("2026-03-01", "2026-03-02").query("by", by)
}

fn range(from: &str, to: &str) -> CallBuilder {
    call("GET", SALES)
        .path("location_id", "store-1")
        .query("from", from)
        .query("to", to)
        .by("ana", "store_manager", "store-1")
}

impl Fixture {
    async fn ok(&self, call: CallBuilder) -> Value {
        let reply = handle(&self.reports, call.build()).await.unwrap();
        reply.body().clone()
    }

    async fn csv(&self, by: &str) -> String {
        let call = report(by).header("accept", "text/csv");
        let reply = handle(&self.reports, call.build()).await.unwrap();
        reply.csv_text().unwrap().to_owned()
    }

    async fn refused(&self, call: CallBuilder) -> (u16, String) {
        let problem = handle(&self.reports, call.build()).await.unwrap_err();
        (problem.status(), problem.type_name().to_owned())
    }
}

fn problem(status: u16, kind: &str) -> (u16, String) {
    (status, kind.to_owned())
}

fn euros(amount: i64) -> Value {
    json!({"amount": amount, "currency": "EUR"})
}

#[tokio::test]
async fn days_are_reported_with_totals() {
    let fixture = fixture().await;
    let body = fixture.ok(range("2026-03-01", "2026-03-02")).await;
    let second_day = json!({
        "business_date": "2026-03-02", "currency": "EUR", "orders": 1, "canceled_orders": 0, "units": 2,
        "gross": euros(1224), "discount": euros(20), "tax": euros(26), "net": euros(1204), "total": euros(1204),
        "refunds": 1, "refunded_units": 1, "refunded_tax": euros(13), "refunded_net": euros(199),
        "refunded_total": euros(199),
    });
    assert_eq!(body["rows"][1], second_day);
    assert_eq!(body["rows"].as_array().unwrap().len(), 2);
    let totals = &body["totals"][0];
    assert_eq!(
        (&totals["orders"], &totals["total"]),
        (&json!(2), &euros(1653))
    );
    assert_eq!(body["as_of"], "2026-03-02T17:30:00.000Z");
    assert_eq!(
        [
            &body["location_id"],
            &body["from"],
            &body["to"],
            &body["by"]
        ],
        ["store-1", "2026-03-01", "2026-03-02", "day"]
    );
}

#[tokio::test]
async fn hours_are_summed_over_days() {
    let fixture = fixture().await;
    add(&fixture.tally, sale("c", "2026-03-01", 17, &[("milk", 1)])).await;
    let body = fixture.ok(report("hour")).await;
    let rows = body["rows"].as_array().unwrap();
    let hours: Vec<(&Value, &Value)> = rows
        .iter()
        .map(|row| (&row["hour"], &row["orders"]))
        .collect();
    assert_eq!(hours, [(&json!(9), &json!(1)), (&json!(17), &json!(2))]);
}

#[tokio::test]
async fn skus_and_categories_sum_to_the_same_totals() {
    let fixture = fixture().await;
    let by_day = fixture.ok(report("day")).await;
    let by_sku = fixture.ok(report("sku")).await;
    let by_category = fixture.ok(report("category")).await;
    assert_eq!(by_sku["totals"], by_day["totals"]);
    assert_eq!(by_category["totals"], by_day["totals"]);
    let rows = by_sku["rows"].as_array().unwrap();
    let named: Vec<(&str, i64)> = rows
        .iter()
        .map(|row| {
            (
                row["sku"].as_str().unwrap(),
                row["net"]["amount"].as_i64().unwrap(),
            )
        })
        .collect();
    assert_eq!(named, [("bread", 250), ("cheese", 1005), ("milk", 398)]);
    assert_eq!(rows[2]["name"], "Milk, 1 l");
    assert_eq!(rows[2]["refunded_total"], euros(199));
    assert_eq!(rows[2].get("orders"), None);
    let rows = by_category["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(
        (rows[0].get("category"), &rows[0]["net"]),
        (None, &euros(250))
    );
    assert_eq!(
        (&rows[1]["category"], &rows[1]["net"]),
        (&json!("Dairy"), &euros(1403))
    );
}

#[tokio::test]
async fn csv_has_decimals_and_inert_names() {
    let fixture = fixture().await;
    let text = fixture.csv("sku").await;
    let expected = "location_id,sku,name,currency,units,gross,discount,tax,net,total,refunded_units,refunded_tax,\
        refunded_net,refunded_total,as_of\r\n\
        store-1,bread,Product bread,EUR,1,2.60,0.10,0.13,2.50,2.50,0,0.00,0.00,0.00,2026-03-02T17:30:00.000Z\r\n\
        store-1,cheese,\"'=HYPERLINK(\"\"http://evil\"\")\",EUR,1,10.15,0.10,0.13,10.05,10.05,0,0.00,0.00,0.00,\
        2026-03-02T17:30:00.000Z\r\n\
        store-1,milk,\"Milk, 1 l\",EUR,2,4.18,0.20,0.26,3.98,3.98,1,0.13,1.99,1.99,2026-03-02T17:30:00.000Z\r\n";
    assert_eq!(text, expected);
    let by_day = fixture.csv("day").await;
    let first = by_day.lines().nth(1).unwrap();
    assert_eq!(
        first,
        "store-1,2026-03-01,EUR,1,0,2,4.69,0.20,0.26,4.49,4.49,0,0,0.00,0.00,0.00,2026-03-02T17:30:00.000Z"
    );
}

#[tokio::test]
async fn csv_amounts_have_the_digits_of_their_currency() {
    let fixture = fixture().await;
    for (key, currency) in [("yen", "JPY"), ("dinar", "KWD")] {
        let mut sale = sale(key, "2026-03-01", 9, &[("milk", 1999)]);
        sale.cell.currency = currency.parse().unwrap();
        add(&fixture.tally, sale).await;
    }
    let text = fixture.csv("day").await;
    assert!(
        text.contains("2026-03-01,JPY,1,0,1,2009,10,13,1999,1999,"),
        "{text}"
    );
    assert!(
        text.contains("2026-03-01,KWD,1,0,1,2.009,0.010,0.013,1.999,1.999,"),
        "{text}"
    );
}

#[tokio::test]
async fn day_without_sales_has_no_rows() {
    let fixture = fixture().await;
    let body = fixture.ok(range("2026-02-01", "2026-02-28")).await;
    assert_eq!((&body["totals"], &body["rows"]), (&json!([]), &json!([])));
    assert_eq!(body.get("as_of"), None);
}

#[tokio::test]
async fn bad_parameters_are_rejected() {
    let fixture = fixture().await;
    let without_to = call("GET", SALES)
        .path("location_id", "store-1")
        .query("from", "2026-03-01")
        .by("ana", "store_manager", "store-1");
    for call in [
        without_to,
        range("2026-03-02", "2026-03-01"),
        range("2026-03-01", "2026-06-01"),
        range("2026-03-01T10:00:00", "2026-03-02"),
        range("yesterday", "2026-03-02"),
        report("week"),
        range("2024-12-01", "2024-12-31").query("by", "sku"),
    ] {
        assert_eq!(fixture.refused(call).await, problem(400, "invalid-request"));
    }
    let xml = report("day").header("accept", "application/xml");
    assert_eq!(fixture.refused(xml).await, problem(406, "not-acceptable"));
}

#[tokio::test]
async fn only_managers_analysts_and_admins_of_the_store_read() {
    let fixture = fixture().await;
    for role in ["store_app", "controller"] {
        let refused = fixture
            .refused(report("day").by("eve", role, "store-1"))
            .await;
        assert_eq!(refused, problem(403, "forbidden"));
    }
    for role in ["analyst", "admin"] {
        let body = fixture.ok(report("day").by("ana", role, "store-1")).await;
        assert_eq!(body["rows"].as_array().unwrap().len(), 2);
    }
    let foreign = report("day").by("eve", "store_manager", "store-2");
    let not_found = problem(404, "not-found");
    assert_eq!(fixture.refused(foreign).await, not_found);
    let unknown = call("GET", SALES)
        .path("location_id", "nowhere")
        .query("from", "2026-03-01")
        .query("to", "2026-03-01")
        .by("root", "admin", "*");
    assert_eq!(fixture.refused(unknown).await, not_found);
}

#[tokio::test]
async fn busy_catalog_is_reported() {
    let fixture = fixture().await;
    fixture.catalog.lock().busy = true;
    assert_eq!(fixture.refused(report("sku")).await, problem(503, "busy"));
}

#[tokio::test]
async fn sample_event_gets_csv() {
    let fixture = fixture().await;
    let text = include_str!("../../../../events/sales-reports.csv.json");
    let request = lambda_http::request::from_str(text).unwrap();
    let response = answer(&request, &|call| handle(&fixture.reports, call)).await;
    assert_eq!(response.status(), 200);
    assert_eq!(
        response.headers()["content-type"],
        "text/csv; charset=utf-8; header=present"
    );
    let lambda_http::Body::Text(body) = response.body() else {
        panic!("the body is no text");
    };
    assert!(
        body.starts_with("location_id,business_date,currency,orders,"),
        "{body}"
    );
}
