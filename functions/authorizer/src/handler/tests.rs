mod users;

use jiff::SignedDuration;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use stockline_application::ports::users::UserReader;
use stockline_application::user_cache::UserCache;
use stockline_platform::identity::{Expected, KeyRing, TokenVerifier};
use stockline_platform::key_set::KeySet;
use stockline_testkit::clock::FakeClock;
use stockline_testkit::issuer::{
    Issuer, claims, claims_with, encode_part, issuer, rsa_key_and_token,
};
use stockline_testkit::memory::users::MemoryUsers;
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{Authorizer, TokenEvent};

struct Fixture<Users = MemoryUsers> {
    authorizer: Authorizer<KeySet, FakeClock, UserCache<Users, FakeClock>>,
    clock: FakeClock,
}

fn fixture(keys: KeySet) -> Fixture {
    with_users(keys, MemoryUsers::default())
}

/// An authorizer that caches users for a minute.
fn with_users<Users: UserReader>(keys: KeySet, users: Users) -> Fixture<Users> {
    let clock = FakeClock::at("2026-03-01T12:00:00Z");
    let expected = Expected {
        issuer: "https://identity.test".to_owned(),
        audience: "stockline-api".to_owned(),
    };
    let ring = KeyRing::new(keys, clock.clone());
    Fixture {
        authorizer: Authorizer::new(
            TokenVerifier::new(ring, expected, clock.clone()),
            UserCache::new(users, clock.clone(), SignedDuration::from_mins(1)),
        ),
        clock,
    }
}

/// An authorizer with a fixed key set.
fn with_keys(keys: &[Value]) -> Fixture {
    fixture(KeySet::Given(json!({"keys": keys}).to_string()))
}

fn event(header: &str) -> TokenEvent {
    let mut event: TokenEvent =
        serde_json::from_str(include_str!("../../../../events/authorizer.token.json")).unwrap();
    event.authorization_token = Some(header.to_owned());
    event
}

impl<Users: UserReader> Fixture<Users> {
    async fn authorize(&self, token: &str) -> Result<Value, String> {
        let answer = self
            .authorizer
            .handle(event(&format!("Bearer {token}")), "request-1")
            .await;
        answer
            .map(|allowed| serde_json::to_value(allowed).unwrap())
            .map_err(|error| error.to_string())
    }

    async fn allows(&self, token: &str) -> bool {
        match self.authorize(token).await {
            Ok(_) => true,
            Err(error) => {
                assert_eq!(error, "Unauthorized");
                false
            }
        }
    }
}

#[tokio::test]
async fn valid_token_allows_the_stage_and_passes_locations() {
    let provider = issuer("key-1", 1);
    let allowed = with_keys(&[provider.public()])
        .authorize(&provider.token(&claims()))
        .await
        .unwrap();
    assert_eq!(
        allowed,
        json!({
            "principalId": "till-1",
            "policyDocument": {
                "Version": "2012-10-17",
                "Statement": [{
                    "Action": ["execute-api:Invoke"],
                    "Effect": "Allow",
                    "Resource": ["arn:aws:execute-api:eu-central-1:000000000000:stockline1/live/*/*"],
                }],
            },
            "context": {
                "subject": "till-1", "role": "store_app", "location_ids": "store-1,store-2", "controller_id": "",
            },
            "usageIdentifierKey": null,
        })
    );
}

#[tokio::test]
async fn only_admin_without_location_ids_sees_all_locations() {
    let provider = issuer("key-1", 1);
    let fixture = with_keys(&[provider.public()]);
    for (claims, expected) in [
        (json!({"role": "admin", "location_ids": null}), "*"),
        (
            json!({"role": "admin", "location_ids": ["store-1"]}),
            "store-1",
        ),
        (json!({"role": "admin", "location_ids": []}), ""),
        (json!({"role": "analyst", "location_ids": null}), ""),
        (json!({"role": "store_app", "location_ids": []}), ""),
    ] {
        let allowed = fixture
            .authorize(&provider.token(&claims_with(&claims)))
            .await
            .unwrap();
        assert_eq!(allowed["context"]["location_ids"], expected, "{claims}");
    }
}

#[tokio::test]
async fn null_location_ids_are_rejected() {
    let provider = issuer("key-1", 1);
    let fixture = with_keys(&[provider.public()]);
    for role in ["admin", "store_app"] {
        let mut claims = claims_with(&json!({"role": role}));
        claims["location_ids"] = Value::Null;
        assert!(!fixture.allows(&provider.token(&claims)).await, "{role}");
    }
}

#[tokio::test]
async fn scheme_of_the_header_is_case_insensitive() {
    let provider = issuer("key-1", 1);
    let fixture = with_keys(&[provider.public()]);
    for scheme in ["bearer", "BEARER"] {
        let header = format!("{scheme} {}", provider.token(&claims()));
        let allowed = fixture.authorizer.handle(event(&header), "request-1").await;
        assert!(allowed.is_ok(), "{scheme}");
    }
}

#[tokio::test]
async fn controller_token_requires_controller_id() {
    let provider = issuer("key-1", 1);
    let fixture = with_keys(&[provider.public()]);
    let claims = claims_with(
        &json!({"role": "controller", "sub": "crane-7", "controller_id": "controller-1"}),
    );
    let allowed = fixture.authorize(&provider.token(&claims)).await.unwrap();
    assert_eq!(allowed["context"]["controller_id"], "controller-1");
    assert!(
        !fixture
            .allows(&provider.token(&claims_with(&json!({"role": "controller"}))))
            .await
    );
}

#[tokio::test]
async fn missing_or_malformed_claim_is_rejected() {
    let provider = issuer("key-1", 1);
    let fixture = with_keys(&[provider.public()]);
    for change in [
        json!({"iss": null}),
        json!({"iss": "https://other.test"}),
        json!({"iss": ["https://identity.test", "https://other.test"]}),
        json!({"aud": null}),
        json!({"aud": "other-api"}),
        json!({"aud": []}),
        json!({"exp": null}),
        json!({"exp": "tomorrow"}),
        json!({"nbf": "yesterday"}),
        json!({"sub": null}),
        json!({"sub": ""}),
        json!({"sub": "a\nb"}),
        json!({"role": "owner"}),
        json!({"location_ids": "store-1"}),
        json!({"location_ids": ["*"]}),
        json!({"location_ids": ["store-1,store-2"]}),
        json!({"location_ids": ["store#1"]}),
        json!({"controller_id": "a b"}),
    ] {
        assert!(
            !fixture.allows(&provider.token(&claims_with(&change))).await,
            "{change} was allowed"
        );
    }
    let among_others = claims_with(&json!({"aud": ["other-api", "stockline-api"]}));
    assert!(fixture.allows(&provider.token(&among_others)).await);
    assert!(
        fixture
            .allows(&provider.token(&claims_with(&json!({"nbf": null}))))
            .await
    );
}

#[tokio::test]
async fn token_is_valid_from_nbf_to_exp_with_30_s_leeway() {
    let provider = issuer("key-1", 1);
    let noon = 1_772_366_400;
    for (from, until, is_valid) in [
        (-60, 60, true),
        (30, 60, true),
        (31, 60, false),
        (-60, -29, true),
        (-60, -30, false),
        (-60, -3600, false),
    ] {
        let fixture = with_keys(&[provider.public()]);
        let claims = claims_with(&json!({"nbf": noon + from, "exp": noon + until}));
        assert_eq!(
            fixture.allows(&provider.token(&claims)).await,
            is_valid,
            "{from} to {until}"
        );
    }
}

#[tokio::test]
async fn forged_token_is_rejected() {
    let provider = issuer("key-1", 1);
    let fixture = with_keys(&[provider.public()]);
    let admin = claims_with(&json!({"role": "admin", "location_ids": null}));
    let good = provider.token(&claims());
    let (header, rest) = good.split_once('.').unwrap();
    let (payload, signature) = rest.split_once('.').unwrap();

    let mut shared = Header::new(Algorithm::HS256);
    shared.kid = Some("key-1".to_owned());
    let with_public_key = EncodingKey::from_secret(&provider.public_bytes());
    let header_with = |alg: &str| encode_part(&json!({"alg": alg, "kid": "key-1"}));
    let another = issuer("key-1", 2);
    let with_own_key = json!({"alg": "ES256", "kid": "key-1", "jwk": another.public()});
    for (forged, how) in [
        (
            format!("{header}.{}.{signature}", encode_part(&admin)),
            "another payload",
        ),
        (
            format!(
                "{}.{payload}.{signature}",
                encode_part(&json!({"alg": "ES256", "kid": "key-1"}))
            ),
            "another header",
        ),
        (format!("{header}.{payload}."), "no signature"),
        (format!("{header}.{payload}"), "no signature part"),
        (
            format!("{}.{}.", header_with("none"), encode_part(&admin)),
            "algorithm none",
        ),
        (
            format!(
                "{}.{}.{signature}",
                header_with("NONE"),
                encode_part(&admin)
            ),
            "algorithm NONE",
        ),
        (
            jsonwebtoken::encode(&shared, &admin, &with_public_key).unwrap(),
            "the public key as a shared secret",
        ),
        (
            provider.token_with(&json!({"alg": "RS256", "kid": "key-1"}), &admin),
            "an algorithm of another key type",
        ),
        (another.token(&admin), "another key under the same kid"),
        (
            another.token_with(&with_own_key, &admin),
            "its own key in the header",
        ),
        (
            provider.token_with(&json!({"alg": "ES256"}), &admin),
            "no kid",
        ),
        (
            provider.token_with(&json!({"alg": "ES256", "kid": "key-2"}), &admin),
            "an unknown kid",
        ),
        (
            provider.token_with(
                &json!({"alg": "ES256", "kid": "key-1", "crit": ["b64"]}),
                &admin,
            ),
            "a critical extension",
        ),
        ("nonsense".to_owned(), "nonsense"),
        (String::new(), "nothing"),
    ] {
        assert!(!fixture.allows(&forged).await, "{how} was allowed");
    }
    assert!(fixture.allows(&good).await);
}

#[tokio::test]
async fn header_without_bearer_token_is_rejected() {
    let provider = issuer("key-1", 1);
    let fixture = with_keys(&[provider.public()]);
    let token = provider.token(&claims());
    for header in [
        token.clone(),
        format!("Basic {token}"),
        "Bearer".to_owned(),
        String::new(),
    ] {
        let refused = fixture
            .authorizer
            .handle(event(&header), "request-1")
            .await
            .unwrap_err();
        assert_eq!(refused.to_string(), "Unauthorized");
    }
}

#[tokio::test]
async fn rsa_key_rejects_other_algorithms() {
    let (published, token) = rsa_key_and_token(2048, &claims());
    let fixture = with_keys(std::slice::from_ref(&published));
    assert!(fixture.allows(&token).await);
    let elliptic = issuer("rsa", 1).token(&claims());
    assert!(!fixture.allows(&elliptic).await);
    for other in [json!({"alg": "PS256"}), json!({"use": "enc"})] {
        let mut unusable = published.clone();
        unusable
            .as_object_mut()
            .unwrap()
            .extend(other.as_object().unwrap().clone());
        assert!(
            !with_keys(&[unusable, issuer("key-1", 1).public()])
                .allows(&token)
                .await,
            "{other}"
        );
    }
}

#[tokio::test]
async fn rsa_key_rejects_short_keys() {
    let (short, token) = rsa_key_and_token(1024, &claims());
    assert!(
        !with_keys(&[short, issuer("key-1", 1).public()])
            .allows(&token)
            .await
    );
}

#[tokio::test]
async fn unusable_keys_of_a_key_set_are_skipped() {
    let provider = issuer("key-1", 1);
    let fixture = with_keys(&[
        json!({"kty": "oct", "kid": "key-1", "alg": "HS256", "k": "c2VjcmV0"}),
        json!({"kty": "AKP", "kid": "new", "alg": "ML-DSA-44", "pub": "AA"}),
        json!("nonsense"),
        provider.public(),
    ]);
    assert!(fixture.allows(&provider.token(&claims())).await);
}

async fn publish(server: &MockServer, keys: &[&Issuer]) {
    server.reset().await;
    let keys: Vec<Value> = keys.iter().map(|issuer| issuer.public()).collect();
    let answer = ResponseTemplate::new(200).set_body_json(json!({"keys": keys}));
    Mock::given(path("/keys"))
        .respond_with(answer)
        .mount(server)
        .await;
}

async fn fetches(server: &MockServer) -> usize {
    server.received_requests().await.unwrap().len()
}

/// An authorizer that fetches its keys from `server`.
fn with_provider(server: &MockServer) -> Fixture {
    fixture(KeySet::published(format!("{}/keys", server.uri()), true).unwrap())
}

#[tokio::test]
async fn keys_are_fetched_every_ten_minutes() {
    let (server, provider) = (MockServer::start().await, issuer("key-1", 1));
    publish(&server, &[&provider]).await;
    let fixture = with_provider(&server);
    fixture.authorizer.warm_up().await;
    for _ in 0..3 {
        assert!(fixture.allows(&provider.token(&claims())).await);
    }
    fixture.clock.advance(SignedDuration::from_secs(599));
    assert!(fixture.allows(&provider.token(&claims())).await);
    assert_eq!(fetches(&server).await, 1);
    fixture.clock.advance(SignedDuration::from_secs(1));
    assert!(fixture.allows(&provider.token(&claims())).await);
    assert_eq!(fetches(&server).await, 2);
}

#[tokio::test]
async fn rotated_key_is_accepted_and_withdrawn_key_rejected() {
    let (server, old, new) = (
        MockServer::start().await,
        issuer("key-1", 1),
        issuer("key-2", 2),
    );
    publish(&server, &[&old]).await;
    let fixture = with_provider(&server);
    assert!(fixture.allows(&old.token(&claims())).await);

    publish(&server, &[&new]).await;
    assert!(
        !fixture.allows(&new.token(&claims())).await,
        "the keys were fetched less than a minute ago"
    );
    fixture.clock.advance(SignedDuration::from_secs(60));
    assert!(fixture.allows(&new.token(&claims())).await);
    assert!(
        !fixture.allows(&old.token(&claims())).await,
        "the provider no longer publishes it"
    );
}

#[tokio::test]
async fn unknown_kids_fetch_keys_at_most_once_a_minute() {
    let (server, provider, forger) = (
        MockServer::start().await,
        issuer("key-1", 1),
        issuer("made-up", 2),
    );
    publish(&server, &[&provider]).await;
    let fixture = with_provider(&server);
    for _ in 0..2 {
        for _ in 0..20 {
            assert!(!fixture.allows(&forger.token(&claims())).await);
        }
        fixture.clock.advance(SignedDuration::from_secs(60));
    }
    assert!(fixture.allows(&provider.token(&claims())).await);
    assert_eq!(fetches(&server).await, 2);
}

#[tokio::test]
async fn cached_keys_stay_valid_while_provider_is_down() {
    let (server, provider) = (MockServer::start().await, issuer("key-1", 1));
    publish(&server, &[&provider]).await;
    let fixture = with_provider(&server);
    assert!(fixture.allows(&provider.token(&claims())).await);
    for failure in [
        ResponseTemplate::new(503),
        ResponseTemplate::new(302).insert_header("location", "https://elsewhere.test/"),
        ResponseTemplate::new(200).set_body_string("<html>"),
        ResponseTemplate::new(200).set_body_json(json!({"keys": []})),
    ] {
        server.reset().await;
        Mock::given(path("/keys"))
            .respond_with(failure)
            .mount(&server)
            .await;
        fixture.clock.advance(SignedDuration::from_mins(11));
        for _ in 0..5 {
            assert!(fixture.allows(&provider.token(&claims())).await);
        }
        assert_eq!(fetches(&server).await, 1, "at most one fetch a minute");
    }
}

#[tokio::test]
async fn missing_key_set_is_a_server_error() {
    let (server, provider) = (MockServer::start().await, issuer("key-1", 1));
    Mock::given(path("/keys"))
        .respond_with(ResponseTemplate::new(503))
        .mount(&server)
        .await;
    let fixture = with_provider(&server);
    let error = fixture
        .authorize(&provider.token(&claims()))
        .await
        .unwrap_err();
    assert_eq!(error, "token verification is unavailable");
    publish(&server, &[&provider]).await;
    assert!(fixture.allows(&provider.token(&claims())).await);
}
