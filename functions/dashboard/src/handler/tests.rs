//! The pages and forms, against in-memory stores and an identity provider that knows one person.

mod forms;
mod pages;
mod sign_in;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use lambda_http::Body;
use lambda_http::http::Response;
use stockline_application::ports::identity::{
    AuthorizationCode, IdentifiedPerson, IdentityProvider, RedeemOutcome,
};
use stockline_application::ports::randomness::RandomSource;
use stockline_application::sign_in::SESSION_LIFETIME;
use stockline_application::store_error::StoreError;
use stockline_domain::caller::{Caller, Locations, Role};
use stockline_domain::level::{LevelKey, ReorderPolicy};
use stockline_domain::user::TokenHolder;
use stockline_platform::edge::answer_page;
use stockline_testkit::calls::{CallBuilder, call};
use stockline_testkit::clock::FakeClock;
use stockline_testkit::conformance::catalog::product;
use stockline_testkit::memory::catalog::{MemoryCatalog, store};
use stockline_testkit::memory::shop::MemoryShop;
use stockline_testkit::memory::users::{MemoryUsers, user};

use super::*;
use crate::site::SiteAddresses;

const NOW: &str = "2026-03-01T12:00:30Z";

/// Draws `secret-1`, `secret-2` and so on.
#[derive(Default)]
struct CountedSecrets(AtomicU32);

impl RandomSource for CountedSecrets {
    fn secret(&self) -> Result<String, StoreError> {
        let number = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(format!("secret-{number}"))
    }
}

/// Redeems the code `good` for one person.
struct OnePerson(Mutex<IdentifiedPerson>);

impl IdentityProvider for OnePerson {
    async fn redeem(&self, code: AuthorizationCode<'_>) -> Result<RedeemOutcome, StoreError> {
        if code.code == "lost" {
            return Err(StoreError::Busy);
        }
        let person = self.0.lock().unwrap().clone();
        let is_good = code.code == "good" && code.verifier == "secret-3";
        Ok(if is_good {
            RedeemOutcome::Identified(Box::new(person))
        } else {
            RedeemOutcome::Refused("invalid_grant".to_owned())
        })
    }
}

type Stores = Adapters<
    MemoryShop,
    MemoryShop,
    MemoryCatalog,
    OnePerson,
    MemoryUsers,
    FakeClock,
    CountedSecrets,
>;

struct Fixture {
    dashboard: Dashboard<Stores>,
    shop: MemoryShop,
    catalog: MemoryCatalog,
    users: MemoryUsers,
    clock: FakeClock,
}

/// `store-1` has milk (10, low at 12) and bread (0); `store-2` has wine.
fn fixture() -> Fixture {
    let shop = MemoryShop::stocked("store-1", &[("milk", 10), ("bread", 0)]);
    let wine = MemoryShop::stocked("store-2", &[("wine", 5)]);
    let wine = wine.lock().levels.values().next().unwrap().clone();
    shop.lock().levels.insert(wine.key(), wine);
    let policy = ReorderPolicy {
        reorder_point: 12,
        target_level: 40,
        order_multiple: 1,
        safety_stock: 0,
        lead_time_days: 2,
        buckets: 1,
        mode: stockline_domain::level::ReplenishmentMode::MinMax,
    };
    shop.lock().levels.get_mut(&milk()).unwrap().policy = Some(policy);
    let catalog = MemoryCatalog::with_locations(
        ["store-1", "store-2"].map(|id| store(id, "Europe/Berlin", 0)),
    );
    for (sku, name) in [
        ("milk", "Fresh <script>alert(1)</script> milk"),
        ("bread", "Rye bread"),
        ("wine", "Wine"),
    ] {
        let mut product = product(sku);
        name.clone_into(&mut product.name);
        catalog.lock().products.insert(product.sku.clone(), product);
    }
    let clock = FakeClock::at(NOW);
    let person = IdentifiedPerson {
        holder: TokenHolder::Caller(caller("ana", Role::StoreManager, &["store-1"])),
        name: Some("Ana Ruiz".to_owned()),
        nonce: Some("secret-2".to_owned()),
    };
    let users = MemoryUsers::default();
    let ports = Adapters {
        stock: shop.clone(),
        orders: shop.clone(),
        catalog: catalog.clone(),
        provider: OnePerson(Mutex::new(person)),
        users: users.clone(),
        clock: clock.clone(),
        random: CountedSecrets::default(),
    };
    let site = Site::new(SiteAddresses {
        dashboard_url: "https://pages.test/live".to_owned(),
        authorization_endpoint: "https://identity.test/authorize".to_owned(),
        end_session_endpoint: None,
        client_id: "stockline-dashboard".to_owned(),
    });
    Fixture {
        dashboard: Dashboard::new(ports, site.unwrap(), "secret"),
        shop,
        catalog,
        users,
        clock,
    }
}

fn milk() -> LevelKey {
    LevelKey {
        location_id: "store-1".parse().unwrap(),
        sku: "milk".parse().unwrap(),
    }
}

fn caller(subject: &str, role: Role, locations: &[&str]) -> Caller {
    let locations = locations.iter().map(|id| id.parse().unwrap());
    Caller {
        subject: subject.to_owned(),
        role,
        locations: Locations::Only(locations.collect()),
        controller: None,
    }
}

/// A response as a browser sees it.
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The value of the cookie that the response sets.
    fn cookie(&self, name: &str) -> Option<String> {
        let cookies = self.headers.iter().filter(|(key, _)| key == "set-cookie");
        let start = format!("{name}=");
        let mut values = cookies.filter_map(|(_, value)| value.strip_prefix(&start));
        Some(values.next()?.split(';').next()?.to_owned())
    }

    /// The value of a hidden field of the form that is sent to `action`.
    fn field(&self, action: &str, name: &str) -> String {
        let form = self
            .body
            .split("<form")
            .find(|form| form.contains(action))
            .unwrap();
        let field = form
            .split(&format!("name=\"{name}\" value=\""))
            .nth(1)
            .unwrap();
        field.split('"').next().unwrap().to_owned()
    }

    fn shows(&self, text: &str) -> bool {
        self.body.contains(text)
    }
}

impl Fixture {
    fn session(&self, subject: &str, role: Role, locations: &[&str]) -> Session {
        Session {
            id: format!("session-of-{subject}"),
            caller: caller(subject, role, locations),
            name: subject.to_owned(),
            expires_at: self.clock.now() + SESSION_LIFETIME,
        }
    }

    /// The `Cookie` header of the store manager of `store-1`.
    fn manager(&self) -> String {
        self.cookie(&self.session("ana", Role::StoreManager, &["store-1"]))
    }

    fn cookie(&self, session: &Session) -> String {
        let cookie = self
            .dashboard
            .cookies
            .begin_session(session, self.clock.now())
            .unwrap();
        cookie.split(';').next().unwrap().to_owned()
    }

    async fn send(&self, call: CallBuilder) -> Answer {
        let handler = |request| self.dashboard.handle(request);
        let on_problem = |problem: &Problem, id: &str| self.dashboard.failure(problem, id);
        answer_of(&answer_page(&call.request(), &handler, &on_problem).await)
    }

    async fn get(&self, cookie: &str, path: &str) -> Answer {
        self.send(visit("GET", path).header("cookie", cookie)).await
    }

    async fn post(&self, cookie: &str, path: &str, form: &str) -> Answer {
        self.send(
            visit("POST", path)
                .header("cookie", cookie)
                .header("origin", "https://pages.test")
                .header("content-type", "application/x-www-form-urlencoded")
                .text(form),
        )
        .await
    }

    /// Sets who the provider's tokens name.
    fn identify(&self, holder: TokenHolder) {
        self.dashboard.ports.provider.0.lock().unwrap().holder = holder;
    }

    fn on_hand(&self) -> i64 {
        self.shop.level("store-1", "milk").0
    }
}

/// A request for `path`, which may have a query.
fn visit(method: &'static str, path: &str) -> CallBuilder {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let mut request = call(method, "/{proxy+}");
    if path != "/" {
        request = request.path("proxy", path.trim_start_matches('/'));
    }
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        request = request.query(&name, &value);
    }
    request
}

fn answer_of(response: &Response<Body>) -> Answer {
    let headers = response.headers().iter();
    let headers =
        headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    Answer {
        status: response.status().as_u16(),
        headers: headers.collect(),
        body: match response.body() {
            Body::Text(text) => text.clone(),
            _ => String::new(),
        },
    }
}
