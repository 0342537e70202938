//! The sign-in at an OpenID provider: what is sent to the token endpoint, and which of its answers identify a person.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use serde_json::{Value, json};
use stockline_application::ports::identity::{AuthorizationCode, IdentityProvider, RedeemOutcome};
use stockline_application::store_error::StoreError;
use stockline_domain::caller::Role;
use stockline_domain::user::TokenHolder;
use stockline_platform::key_set::KeySet;
use stockline_platform::oidc::{ClientRegistration, OidcProvider};
use stockline_testkit::clock::FakeClock;
use stockline_testkit::issuer::{claims_with, issuer};
use wiremock::matchers::{body_string, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const CODE: AuthorizationCode<'static> = AuthorizationCode {
    code: "c&1",
    verifier: "v-1",
};

fn provider(token_endpoint: &str) -> OidcProvider<KeySet, FakeClock> {
    let registration = ClientRegistration {
        issuer: "https://identity.test".to_owned(),
        token_endpoint: token_endpoint.to_owned(),
        client_id: "stockline-dashboard".to_owned(),
        redirect_uri: "https://pages.test/callback".to_owned(),
    };
    let keys = KeySet::Given(json!({"keys": [issuer("key-1", 1).public()]}).to_string());
    let clock = FakeClock::at("2026-03-01T12:00:00Z");
    OidcProvider::new(registration, keys, clock, true).unwrap()
}

/// What comes of a code that the token endpoint answers like this.
async fn redeem(answer: ResponseTemplate) -> Result<RedeemOutcome, StoreError> {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(answer)
        .mount(&server)
        .await;
    provider(&format!("{}/token", server.uri()))
        .redeem(CODE)
        .await
}

fn id_token(changes: &Value) -> ResponseTemplate {
    let mut changes = changes.clone();
    if changes.get("aud").is_none() {
        changes["aud"] = "stockline-dashboard".into();
    }
    let token = issuer("key-1", 1).token(&claims_with(&changes));
    ResponseTemplate::new(200).set_body_json(json!({"id_token": token, "token_type": "Bearer"}))
}

#[tokio::test]
async fn code_is_sent_as_a_form_and_names_the_person() {
    let server = MockServer::start().await;
    let form = "grant_type=authorization_code&code=c%261&redirect_uri=https%3A%2F%2Fpages.test%2Fcallback\
        &client_id=stockline-dashboard&code_verifier=v-1";
    let claims = json!({"role": "store_manager", "name": "Ana Ruiz", "nonce": "n-1"});
    Mock::given(method("POST"))
        .and(path("/token"))
        .and(header("content-type", "application/x-www-form-urlencoded"))
        .and(body_string(form))
        .respond_with(id_token(&claims))
        .expect(1)
        .mount(&server)
        .await;

    let outcome = provider(&format!("{}/token", server.uri()))
        .redeem(CODE)
        .await;

    let RedeemOutcome::Identified(person) = outcome.unwrap() else {
        panic!("not identified")
    };
    let TokenHolder::Caller(caller) = person.holder else {
        panic!("no caller")
    };
    assert_eq!(caller.role, Role::StoreManager);
    assert_eq!(person.name.as_deref(), Some("Ana Ruiz"));
    assert_eq!(person.nonce.as_deref(), Some("n-1"));
}

#[tokio::test]
async fn invalid_id_token_identifies_nobody() {
    for (changes, reason) in [
        (json!({"aud": "stockline-api"}), "wrong audience"),
        (json!({"iss": "https://other.test"}), "wrong issuer"),
        (json!({"exp": 1_772_300_000}), "expired"),
    ] {
        let outcome = redeem(id_token(&changes)).await.unwrap();
        assert_eq!(outcome, RedeemOutcome::Refused(reason.to_owned()));
    }
}

#[tokio::test]
async fn refused_code_and_broken_endpoint_differ() {
    let refused = ResponseTemplate::new(400).set_body_json(json!({"error": "invalid_grant"}));
    let outcome = redeem(refused).await.unwrap();
    assert_eq!(outcome, RedeemOutcome::Refused("invalid_grant".to_owned()));
    let redirect = ResponseTemplate::new(302).insert_header("location", "https://other.test");
    for broken in [
        ResponseTemplate::new(500),
        ResponseTemplate::new(200).set_body_string("no JSON"),
        redirect,
    ] {
        assert!(redeem(broken).await.is_err());
    }
}
