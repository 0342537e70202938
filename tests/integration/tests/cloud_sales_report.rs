//! Sales, cancellations and refunds reach the sales report through the real stream, and equal the export to the cent.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use serde_json::{Value, json};
use stockline_application::ports::clock::Clock;
use stockline_domain::export::Manifest;
use stockline_integration_tests::{Deployed, eventually, http};
use stockline_platform::clock::SystemClock;
use stockline_simulators::api::ApiClient;
use stockline_testkit::cloud::TestCloud;
use xtask::oidc::Bearer;

/// The only location of its time zone, so that its group in the export has no other sales.
const STORE: &str = "reported-store";
const TIME_ZONE: &str = "Asia/Kathmandu";
const GROUP: &str = "Asia-Kathmandu";

fn rupees(amount: i64) -> Value {
    json!({"amount": amount, "currency": "NPR"})
}

async fn open_store(deployed: &Deployed) {
    let admin = deployed.admin();
    let product = |sku: &str, name: &str| json!({"sku": sku, "name": name, "category": "Dairy", "unit_of_measure": "each"});
    let catalog = json!({
        "products": [product("yak-milk", "Yak milk"), product("yak-cheese", "=1+1")],
        "locations": [{"location_id": STORE, "name": STORE, "kind": "store", "time_zone": TIME_ZONE,
                       "close_out_hour": 0, "zones": []}],
    });
    let written = admin
        .post("/v1/catalog/batch", &catalog, None)
        .await
        .unwrap();
    written.expect_status(&[200]).unwrap();
    let receipt =
        |sku: &str| json!({"kind": "receipt", "location_id": STORE, "sku": sku, "quantity": 100});
    let changes = json!({"changes": [receipt("yak-milk"), receipt("yak-cheese")]});
    let received = admin
        .post("/v1/stock/changes", &changes, Some("open-reported"))
        .await;
    received.unwrap().expect_status(&[200]).unwrap();
}

/// An order of yesterday: `milk` units at 1.99 with 0.10 discount and 0.13 added tax, and one cheese.
fn order(channel: &str, milk: i64, sold_at: &str) -> Value {
    let line = |sku: &str, quantity: i64| {
        json!({"sku": sku, "quantity": quantity, "unit_price": rupees(199), "discount": rupees(10),
               "tax": rupees(13)})
    };
    json!({
        "location_id": STORE, "channel": channel, "currency": "NPR", "tax_treatment": "added", "sold_at": sold_at,
        "lines": [line("yak-milk", milk), line("yak-cheese", 1)],
        "total": rupees((milk + 1) * 199 + 6),
    })
}

async fn post(api: &ApiClient, path: &str, body: &Value, key: &str) -> Value {
    let response = api.post(path, body, Some(key)).await.unwrap();
    response.expect_status(&[200, 201]).unwrap().body
}

async fn report(api: &ApiClient, from: &str, to: &str, by: &str) -> Value {
    let path = format!("/v1/locations/{STORE}/reports/sales?from={from}&to={to}&by={by}");
    api.get(&path)
        .await
        .unwrap()
        .expect_status(&[200])
        .unwrap()
        .body
}

/// The totals that the manifest of the export has for the store, as a row of the report has them.
async fn exported(deployed: &Deployed, cloud: &TestCloud, date: &str) -> (DayRow, bool) {
    let manifest = cloud
        .aws()
        .s3()
        .get_object()
        .bucket(&deployed.cloud.buckets["exports"])
        .key(format!("export_manifest/business_date={date}/{GROUP}.json"))
        .send()
        .await
        .unwrap();
    let bytes = manifest.body.collect().await.unwrap().to_vec();
    let manifest: Manifest = serde_json::from_slice(&bytes).unwrap();
    let sales = manifest.totals.first();
    let refunds = manifest.refund_totals.first();
    let row = DayRow {
        counts: [
            sales.map_or(0, |sales| sales.orders),
            sales.map_or(0, |sales| sales.canceled_orders),
            refunds.map_or(0, |refunds| refunds.refunds),
        ],
        sales: sales.map_or([0; 5], |sales| {
            [
                sales.gross,
                sales.discount,
                sales.tax,
                sales.net,
                sales.total,
            ]
        }),
        refunds: refunds.map_or([0; 3], |refunds| [refunds.tax, refunds.net, refunds.total]),
    };
    (row, manifest.closed)
}

/// The figures that report and export have in common.
#[derive(Debug, PartialEq, Eq)]
struct DayRow {
    counts: [u64; 3],
    sales: [i64; 5],
    refunds: [i64; 3],
}

impl DayRow {
    fn of(row: &Value) -> Self {
        let count = |name: &str| row[name].as_u64().unwrap();
        let amount = |name: &str| {
            assert_eq!(row[name]["currency"], "NPR");
            row[name]["amount"].as_i64().unwrap()
        };
        Self {
            counts: ["orders", "canceled_orders", "refunds"].map(count),
            sales: ["gross", "discount", "tax", "net", "total"].map(amount),
            refunds: ["refunded_tax", "refunded_net", "refunded_total"].map(amount),
        }
    }
}

#[tokio::test]
async fn report_equals_the_export_after_close() {
    let (Some(deployed), Some(cloud)) = (Deployed::find(), TestCloud::find()) else {
        return;
    };
    open_store(&deployed).await;
    let manager = deployed.api("store_manager", "reported-manager", &[STORE]);

    // given sales of yesterday: one stays, one is partly canceled, one is canceled, and one is refunded today
    let zone = jiff::tz::TimeZone::get(TIME_ZONE).unwrap();
    let now = SystemClock.now();
    let local = now.to_zoned(zone);
    let yesterday = local.date().yesterday().unwrap();
    let noon = yesterday
        .at(12, 20, 0, 0)
        .to_zoned(local.time_zone().clone())
        .unwrap();
    let (yesterday, today) = (yesterday.to_string(), local.date().to_string());
    let sold_at = noon.timestamp().to_string();
    let place = async |key: &str, channel: &str, milk: i64| {
        let placed = post(&manager, "/v1/orders", &order(channel, milk, &sold_at), key).await;
        assert_eq!(placed["business_date"], yesterday.as_str());
        format!("/v1/orders/{}", placed["order_id"].as_str().unwrap())
    };
    place("reported-1", "pos", 1).await;
    let partly_canceled = place("reported-2", "online", 3).await;
    let fulfil = json!({"lines": [{"line": 1, "quantity": 2}, {"line": 2, "quantity": 1}]});
    post(
        &manager,
        &format!("{partly_canceled}/fulfilments"),
        &fulfil,
        "f",
    )
    .await;
    post(
        &manager,
        &format!("{partly_canceled}/cancel"),
        &json!({}),
        "c",
    )
    .await;
    let canceled = place("reported-3", "click_and_collect", 2).await;
    post(&manager, &format!("{canceled}/cancel"), &json!({}), "c").await;
    let refunded = place("reported-4", "pos", 3).await;
    let refund = json!({"reason": "sour", "lines": [{"line": 1, "quantity": 2, "restock": true}]});
    post(&manager, &format!("{refunded}/refunds"), &refund, "r").await;

    // when the stream has delivered them
    let by_day = eventually("the report to have all sales", || async {
        let by_day = report(&manager, &yesterday, &today, "day").await;
        let totals = by_day["totals"].get(0)?;
        let counts = ["orders", "canceled_orders", "refunds"].map(|name| totals[name].as_i64());
        (counts == [Some(3), Some(1), Some(1)] && totals["units"] == 9).then_some(by_day)
    })
    .await;

    // then the report equals the export of both days to the cent
    let event = json!({"business_dates": [yesterday, today]}).to_string();
    let exporter = deployed.cloud.clone();
    let run =
        tokio::task::spawn_blocking(move || exporter.invoke("sales-export", event.as_bytes()));
    let (response, error) = run.await.unwrap().unwrap();
    assert_eq!(error, None, "{response}");
    let rows = by_day["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "{by_day}");
    for (row, date, is_closed) in [(&rows[0], &yesterday, true), (&rows[1], &today, false)] {
        assert_eq!(row["business_date"], date.as_str());
        let (export, closed) = exported(&deployed, &cloud, date).await;
        assert_eq!(DayRow::of(row), export, "{date}");
        assert_eq!(closed, is_closed, "{date}");
    }
    assert!(by_day["as_of"].is_string());

    // and the other groupings have the same totals
    for by in ["hour", "category", "sku"] {
        let other = report(&manager, &yesterday, &today, by).await;
        assert_eq!(other["totals"], by_day["totals"], "by {by}");
    }
    let by_hour = report(&manager, &yesterday, &yesterday, "hour").await;
    let hours: Vec<&Value> = by_hour["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["hour"])
        .collect();
    assert_eq!(hours, [12]);
    let by_category = report(&manager, &yesterday, &today, "category").await;
    assert_eq!(by_category["rows"].as_array().unwrap().len(), 1);
    assert_eq!(by_category["rows"][0]["category"], "Dairy");

    // and spreadsheets get decimals and no formula
    let csv = read_csv(&deployed, &yesterday, &today).await;
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), 3, "{csv}");
    assert!(
        lines[0].starts_with("location_id,sku,name,currency,units,gross"),
        "{csv}"
    );
    assert!(
        lines[1].starts_with("reported-store,yak-cheese,'=1+1,NPR,3,5.97,0.30,0.39,"),
        "{csv}"
    );

    // and nobody else sees it
    let path = format!("/v1/locations/{STORE}/reports/sales?from={yesterday}&to={today}");
    for (role, locations, status) in [
        ("store_manager", ["elsewhere"], 404),
        ("store_app", [STORE], 403),
        ("analyst", [STORE], 200),
    ] {
        let caller = deployed.api(role, "reported-other", &locations);
        let response = caller.get(&path).await.unwrap();
        response.expect_status(&[status]).unwrap();
    }
}

async fn read_csv(deployed: &Deployed, from: &str, to: &str) -> String {
    let bearer = Bearer::new("analyst").named("reported-analyst").at([STORE]);
    let token = deployed.cloud.token(&bearer).unwrap();
    let path = format!("/v1/locations/{STORE}/reports/sales?from={from}&to={to}&by=sku");
    let request = http()
        .get(format!("{}{path}", deployed.cloud.api_url))
        .bearer_auth(token);
    let xml = request
        .try_clone()
        .unwrap()
        .header("accept", "application/xml");
    assert_eq!(xml.send().await.unwrap().status(), 406);
    let response = request.header("accept", "text/csv").send().await.unwrap();
    assert_eq!(response.status(), 200);
    let content_type = response.headers()["content-type"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(content_type.starts_with("text/csv"), "{content_type}");
    response.text().await.unwrap()
}
