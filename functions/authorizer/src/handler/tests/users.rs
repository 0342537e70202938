//! Tokens without a role: the caller is the user with the subject of the token.

use stockline_domain::caller::Role;
use stockline_platform::dynamodb::users::DynamoUsers;
use stockline_testkit::cloud::Table;
use stockline_testkit::memory::users::user;
use stockline_testkit::simulated_dynamodb::{CostTable, SimulatedDynamoDb};

use super::*;

/// The claims of a token of `subject` without role and locations.
fn claims_of(subject: &str) -> Value {
    claims_with(&json!({"sub": subject, "role": null, "location_ids": null}))
}

/// An authorizer with one key, its issuer, and a manager `lea` of two stores.
fn with_lea() -> (Fixture, Issuer, MemoryUsers) {
    let provider = issuer("key-1", 1);
    let keys = KeySet::Given(json!({"keys": [provider.public()]}).to_string());
    let users = MemoryUsers::default();
    users.add(user("lea", Role::StoreManager, &["store-2", "store-1"]));
    (with_users(keys, users.clone()), provider, users)
}

#[tokio::test]
async fn token_without_role_gets_the_users_access() {
    let (fixture, provider, users) = with_lea();
    let token = provider.token(&claims_of("lea"));
    let allowed = fixture.authorize(&token).await.unwrap();
    let context = json!({"subject": "lea", "role": "store_manager", "location_ids": "store-1,store-2", "controller_id": ""});
    assert_eq!(allowed["context"], context);

    let mut admin = user("ops", Role::Admin, &[]);
    admin.access.location_ids = None;
    let mut crane = user("crane-7", Role::Controller, &["hub-1"]);
    crane.access.controller_id = Some("controller-7".parse().unwrap());
    for (user, field, value) in [
        (admin, "location_ids", "*"),
        (crane, "controller_id", "controller-7"),
    ] {
        let token = provider.token(&claims_of(user.subject.as_str()));
        users.add(user);
        let allowed = fixture.authorize(&token).await.unwrap();
        assert_eq!(allowed["context"][field], value);
    }
}

#[tokio::test]
async fn unknown_and_disabled_users_are_rejected() {
    let (fixture, provider, users) = with_lea();
    let mut disabled = user("kim", Role::Admin, &[]);
    disabled.access.disabled = true;
    users.add(disabled);
    for subject in ["kim", "nobody", "a%41", ".."] {
        assert!(
            !fixture.allows(&provider.token(&claims_of(subject))).await,
            "{subject}"
        );
    }
}

#[tokio::test]
async fn token_with_a_part_of_the_access_is_rejected() {
    let (fixture, provider, users) = with_lea();
    for part in [
        json!({"location_ids": ["store-1"]}),
        json!({"location_ids": []}),
        json!({"controller_id": "controller-1"}),
        json!({"role": Value::Null}),
    ] {
        let mut claims = claims_of("lea");
        claims
            .as_object_mut()
            .unwrap()
            .extend(part.as_object().unwrap().clone());
        assert!(!fixture.allows(&provider.token(&claims)).await, "{part}");
    }
    assert_eq!(users.lock().reads, 0);
}

#[tokio::test]
async fn token_with_a_role_is_never_looked_up() {
    let (fixture, provider, users) = with_lea();
    users.lock().busy = true;
    let claims = claims_with(&json!({"sub": "lea", "role": "analyst", "location_ids": null}));
    let allowed = fixture.authorize(&provider.token(&claims)).await.unwrap();
    assert_eq!(allowed["context"]["role"], "analyst");
    assert_eq!(users.lock().reads, 0);
}

#[tokio::test]
async fn user_is_read_once_in_the_caches_lifetime() {
    let (fixture, provider, users) = with_lea();
    let (known, unknown) = (
        provider.token(&claims_of("lea")),
        provider.token(&claims_of("kim")),
    );
    for _ in 0..3 {
        assert!(fixture.allows(&known).await);
        assert!(!fixture.allows(&unknown).await);
    }
    assert_eq!(users.lock().reads, 2);

    // when the one is deleted and the other is created, then both hold once the cache has expired
    users.lock().users.clear();
    users.add(user("kim", Role::Analyst, &[]));
    fixture.clock.advance(SignedDuration::from_secs(59));
    assert!(fixture.allows(&known).await);
    assert!(!fixture.allows(&unknown).await);
    fixture.clock.advance(SignedDuration::from_secs(1));
    assert!(!fixture.allows(&known).await);
    assert!(fixture.allows(&unknown).await);
    assert_eq!(users.lock().reads, 4);
}

#[tokio::test]
async fn cache_is_bounded() {
    let (fixture, provider, users) = with_lea();
    for number in 0..1000 {
        let token = provider.token(&claims_of(&format!("unknown-{number}")));
        assert!(!fixture.allows(&token).await);
    }
    // The cache is full of fresh entries, so the next one empties it.
    assert!(fixture.allows(&provider.token(&claims_of("lea"))).await);
    let reads = users.lock().reads;
    assert!(
        !fixture
            .allows(&provider.token(&claims_of("unknown-0")))
            .await
    );
    assert!(fixture.allows(&provider.token(&claims_of("lea"))).await);
    assert_eq!(users.lock().reads, reads + 1);
}

#[tokio::test]
async fn unreadable_users_are_a_server_error() {
    let (fixture, provider, users) = with_lea();
    let token = provider.token(&claims_of("lea"));
    assert!(fixture.allows(&token).await);
    users.lock().busy = true;
    assert!(fixture.allows(&token).await, "cached");
    fixture.clock.advance(SignedDuration::from_mins(1));
    let error = fixture.authorize(&token).await.unwrap_err();
    assert_eq!(error, "token verification is unavailable");
    users.lock().busy = false;
    assert!(fixture.allows(&token).await);
}

#[tokio::test(start_paused = true)]
async fn token_costs_match_readme() {
    let database = SimulatedDynamoDb::new(1);
    let table = database.create_table(Table::Catalog);
    let provider = issuer("key-1", 1);
    let keys = KeySet::Given(json!({"keys": [provider.public()]}).to_string());
    let fixture = with_users(keys, DynamoUsers::new(database.aws().dynamodb(), table));
    let mut costs = CostTable::new();
    for (operation, claims) in [
        ("a token with a role", claims()),
        ("a token without a role", claims_of("lea")),
        ("the next token of the same subject", claims_of("lea")),
    ] {
        let _ = fixture.authorize(&provider.token(&claims)).await;
        costs.add(operation, &database.take_bill());
    }
    costs.assert_in_readme(include_str!("../../../README.md"));
}
