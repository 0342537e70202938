#[path = "issuer.rs"]
mod issuer;

use jiff::SignedDuration;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use stockline_platform::key_set::KeySet;
use stockline_testkit::clock::FakeClock;
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

use self::issuer::{Issuer, claims, claims_but, issuer, part, rsa_key_and_token};
use super::{Authorizer, TokenEvent};
use crate::key_ring::KeyRing;
use crate::token::Expected;

struct Door {
    authorizer: Authorizer<KeySet, FakeClock>,
    clock: FakeClock,
}

fn door(keys: KeySet) -> Door {
    let clock = FakeClock::at("2026-03-01T12:00:00Z");
    let expected = Expected {
        issuer: "https://identity.test".to_owned(),
        audience: "stockline-api".to_owned(),
    };
    let ring = KeyRing::new(keys, clock.clone());
    Door {
        authorizer: Authorizer::new(ring, expected, clock.clone()),
        clock,
    }
}

fn knowing(keys: &[Value]) -> Door {
    door(KeySet::Given(json!({"keys": keys}).to_string()))
}

fn event(header: &str) -> TokenEvent {
    let mut event: TokenEvent =
        serde_json::from_str(include_str!("../../../../events/authorizer.token.json")).unwrap();
    event.authorization_token = Some(header.to_owned());
    event
}

impl Door {
    async fn ask(&self, token: &str) -> Result<Value, String> {
        let answer = self
            .authorizer
            .handle(event(&format!("Bearer {token}")), "request-1")
            .await;
        answer
            .map(|allowed| serde_json::to_value(allowed).unwrap())
            .map_err(|error| error.to_string())
    }

    async fn lets_in(&self, token: &str) -> bool {
        match self.ask(token).await {
            Ok(_) => true,
            Err(error) => {
                assert_eq!(error, "Unauthorized");
                false
            }
        }
    }
}

#[tokio::test]
async fn a_till_is_let_in_and_its_stores_are_passed_on() {
    let till = issuer("key-1", 1);
    let allowed = knowing(&[till.public()])
        .ask(&till.token(&claims()))
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
async fn only_an_admin_without_a_list_sees_every_location() {
    let provider = issuer("key-1", 1);
    let door = knowing(&[provider.public()]);
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
        let allowed = door
            .ask(&provider.token(&claims_but(&claims)))
            .await
            .unwrap();
        assert_eq!(allowed["context"]["location_ids"], expected, "{claims}");
    }
}

#[tokio::test]
async fn a_controller_says_which_it_is() {
    let provider = issuer("key-1", 1);
    let door = knowing(&[provider.public()]);
    let claims = claims_but(
        &json!({"role": "controller", "sub": "crane-7", "controller_id": "controller-1"}),
    );
    let allowed = door.ask(&provider.token(&claims)).await.unwrap();
    assert_eq!(allowed["context"]["controller_id"], "controller-1");
    assert!(
        !door
            .lets_in(&provider.token(&claims_but(&json!({"role": "controller"}))))
            .await
    );
}

#[tokio::test]
async fn a_claim_that_is_missing_or_ill_formed_is_refused() {
    let provider = issuer("key-1", 1);
    let door = knowing(&[provider.public()]);
    for broken in [
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
        json!({"role": null}),
        json!({"role": "owner"}),
        json!({"location_ids": "store-1"}),
        json!({"location_ids": ["*"]}),
        json!({"location_ids": ["store-1,store-2"]}),
        json!({"location_ids": ["store#1"]}),
        json!({"controller_id": "a b"}),
    ] {
        assert!(
            !door.lets_in(&provider.token(&claims_but(&broken))).await,
            "{broken} was let in"
        );
    }
    let among_others = claims_but(&json!({"aud": ["other-api", "stockline-api"]}));
    assert!(door.lets_in(&provider.token(&among_others)).await);
    assert!(
        door.lets_in(&provider.token(&claims_but(&json!({"nbf": null}))))
            .await
    );
}

#[tokio::test]
async fn a_token_holds_from_its_start_to_its_end_give_or_take_half_a_minute() {
    let provider = issuer("key-1", 1);
    let noon = 1_772_366_400;
    for (from, until, holds) in [
        (-60, 60, true),
        (30, 60, true),
        (31, 60, false),
        (-60, -29, true),
        (-60, -30, false),
        (-60, -3600, false),
    ] {
        let door = knowing(&[provider.public()]);
        let claims = claims_but(&json!({"nbf": noon + from, "exp": noon + until}));
        assert_eq!(
            door.lets_in(&provider.token(&claims)).await,
            holds,
            "{from} to {until}"
        );
    }
}

#[tokio::test]
async fn a_forged_token_is_refused() {
    let provider = issuer("key-1", 1);
    let door = knowing(&[provider.public()]);
    let admin = claims_but(&json!({"role": "admin", "location_ids": null}));
    let good = provider.token(&claims());
    let (header, rest) = good.split_once('.').unwrap();
    let (payload, signature) = rest.split_once('.').unwrap();

    let mut shared = Header::new(Algorithm::HS256);
    shared.kid = Some("key-1".to_owned());
    let with_public_key = EncodingKey::from_secret(&provider.public_bytes());
    let none = |alg: &str| part(&json!({"alg": alg, "kid": "key-1"}));
    let another = issuer("key-1", 2);
    let with_own_key = json!({"alg": "ES256", "kid": "key-1", "jwk": another.public()});
    for (forged, how) in [
        (
            format!("{header}.{}.{signature}", part(&admin)),
            "another payload",
        ),
        (
            format!(
                "{}.{payload}.{signature}",
                part(&json!({"alg": "ES256", "kid": "key-1"}))
            ),
            "another header",
        ),
        (format!("{header}.{payload}."), "no signature"),
        (format!("{header}.{payload}"), "no third part"),
        (
            format!("{}.{}.", none("none"), part(&admin)),
            "algorithm none",
        ),
        (
            format!("{}.{}.{signature}", none("NONE"), part(&admin)),
            "algorithm NONE",
        ),
        (
            jsonwebtoken::encode(&shared, &admin, &with_public_key).unwrap(),
            "the public key as a shared secret",
        ),
        (
            provider.token_with(&json!({"alg": "RS256", "kid": "key-1"}), &admin),
            "an algorithm of another kind of key",
        ),
        (another.token(&admin), "another key under the same name"),
        (
            another.token_with(&with_own_key, &admin),
            "a key of its own",
        ),
        (
            provider.token_with(&json!({"alg": "ES256"}), &admin),
            "no key named",
        ),
        (
            provider.token_with(&json!({"alg": "ES256", "kid": "key-2"}), &admin),
            "an unknown key named",
        ),
        (
            provider.token_with(
                &json!({"alg": "ES256", "kid": "key-1", "crit": ["b64"]}),
                &admin,
            ),
            "a critical header",
        ),
        ("nonsense".to_owned(), "nonsense"),
        (String::new(), "nothing"),
    ] {
        assert!(!door.lets_in(&forged).await, "{how} was let in");
    }
    assert!(door.lets_in(&good).await);
}

#[tokio::test]
async fn what_is_no_bearer_token_is_refused() {
    let provider = issuer("key-1", 1);
    let door = knowing(&[provider.public()]);
    let token = provider.token(&claims());
    for header in [
        token.clone(),
        format!("Basic {token}"),
        "Bearer".to_owned(),
        String::new(),
    ] {
        let refused = door
            .authorizer
            .handle(event(&header), "request-1")
            .await
            .unwrap_err();
        assert_eq!(refused.to_string(), "Unauthorized");
    }
}

#[tokio::test]
async fn an_rsa_key_verifies_only_its_own_algorithm_and_only_when_it_is_long_enough() {
    let (published, token) = rsa_key_and_token(2048, &claims());
    let door = knowing(std::slice::from_ref(&published));
    assert!(door.lets_in(&token).await);
    let elliptic = issuer("rsa", 1).token(&claims());
    assert!(!door.lets_in(&elliptic).await);
    for other in [json!({"alg": "PS256"}), json!({"use": "enc"})] {
        let mut unfit = published.clone();
        unfit
            .as_object_mut()
            .unwrap()
            .extend(other.as_object().unwrap().clone());
        assert!(
            !knowing(&[unfit, issuer("key-1", 1).public()])
                .lets_in(&token)
                .await,
            "{other}"
        );
    }
    let (short, token) = rsa_key_and_token(1024, &claims());
    assert!(
        !knowing(&[short, issuer("key-1", 1).public()])
            .lets_in(&token)
            .await
    );
}

#[tokio::test]
async fn keys_of_other_kinds_beside_ours_are_passed_over() {
    let provider = issuer("key-1", 1);
    let door = knowing(&[
        json!({"kty": "oct", "kid": "key-1", "alg": "HS256", "k": "c2VjcmV0"}),
        json!({"kty": "AKP", "kid": "new", "alg": "ML-DSA-44", "pub": "AA"}),
        json!("nonsense"),
        provider.public(),
    ]);
    assert!(door.lets_in(&provider.token(&claims())).await);
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

fn asking(server: &MockServer) -> Door {
    door(KeySet::published(format!("{}/keys", server.uri()), true).unwrap())
}

#[tokio::test]
async fn the_keys_are_fetched_once_in_ten_minutes() {
    let (server, provider) = (MockServer::start().await, issuer("key-1", 1));
    publish(&server, &[&provider]).await;
    let door = asking(&server);
    door.authorizer.warm_up().await;
    for _ in 0..3 {
        assert!(door.lets_in(&provider.token(&claims())).await);
    }
    door.clock.advance(SignedDuration::from_secs(599));
    assert!(door.lets_in(&provider.token(&claims())).await);
    assert_eq!(fetches(&server).await, 1);
    door.clock.advance(SignedDuration::from_secs(1));
    assert!(door.lets_in(&provider.token(&claims())).await);
    assert_eq!(fetches(&server).await, 2);
}

#[tokio::test]
async fn a_rotated_key_is_found_and_the_old_one_goes_with_the_set() {
    let (server, old, new) = (
        MockServer::start().await,
        issuer("key-1", 1),
        issuer("key-2", 2),
    );
    publish(&server, &[&old]).await;
    let door = asking(&server);
    assert!(door.lets_in(&old.token(&claims())).await);

    publish(&server, &[&new]).await;
    assert!(
        !door.lets_in(&new.token(&claims())).await,
        "the keys were fetched less than a minute ago"
    );
    door.clock.advance(SignedDuration::from_secs(60));
    assert!(door.lets_in(&new.token(&claims())).await);
    assert!(
        !door.lets_in(&old.token(&claims())).await,
        "the provider has withdrawn it"
    );
}

#[tokio::test]
async fn made_up_keys_make_us_ask_the_provider_once_a_minute_at_most() {
    let (server, provider, forger) = (
        MockServer::start().await,
        issuer("key-1", 1),
        issuer("made-up", 2),
    );
    publish(&server, &[&provider]).await;
    let door = asking(&server);
    for _ in 0..2 {
        for _ in 0..20 {
            assert!(!door.lets_in(&forger.token(&claims())).await);
        }
        door.clock.advance(SignedDuration::from_secs(60));
    }
    assert!(door.lets_in(&provider.token(&claims())).await);
    assert_eq!(fetches(&server).await, 2);
}

#[tokio::test]
async fn while_the_provider_is_down_the_keys_it_had_are_good() {
    let (server, provider) = (MockServer::start().await, issuer("key-1", 1));
    publish(&server, &[&provider]).await;
    let door = asking(&server);
    assert!(door.lets_in(&provider.token(&claims())).await);
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
        door.clock.advance(SignedDuration::from_mins(11));
        for _ in 0..5 {
            assert!(door.lets_in(&provider.token(&claims())).await);
        }
        assert_eq!(
            fetches(&server).await,
            1,
            "it is asked once a minute at most"
        );
    }
}

#[tokio::test]
async fn without_any_keys_the_answer_is_a_fault_of_ours_and_not_of_the_caller() {
    let (server, provider) = (MockServer::start().await, issuer("key-1", 1));
    Mock::given(path("/keys"))
        .respond_with(ResponseTemplate::new(503))
        .mount(&server)
        .await;
    let door = asking(&server);
    let error = door.ask(&provider.token(&claims())).await.unwrap_err();
    assert_eq!(error, "the caller cannot be verified now");
    publish(&server, &[&provider]).await;
    assert!(door.lets_in(&provider.token(&claims())).await);
}
