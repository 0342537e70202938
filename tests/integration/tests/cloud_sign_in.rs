//! A person signs in at the local OpenID provider, and the deployed API accepts the access token.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use reqwest::Url;
use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::redirect::Policy;
use serde_json::Value;
use stockline_integration_tests::{Deployed, http};
use stockline_simulators::api::ApiClient;
use xtask::oidc::DASHBOARD_CLIENT;

const OWN: &str = "sign-in-store";
const OTHER: &str = "sign-in-other-store";
const REDIRECT_URI: &str = "http://127.0.0.1:9/callback";
/// The example of RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// Posts a form and follows no redirect.
async fn post_form(url: &str, fields: &[(&str, &str)]) -> reqwest::Response {
    // Installs the crypto provider, which every client needs.
    drop(http());
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .build()
        .unwrap();
    let encoded = Url::parse_with_params(url, fields).unwrap();
    client
        .post(url)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(encoded.query().unwrap().to_owned())
        .send()
        .await
        .unwrap()
}

/// Signs a store manager of `location` in, and returns the tokens.
async fn sign_in(provider: &str, location: &str) -> Value {
    let signed_in = post_form(
        &format!("{provider}/authorize"),
        &[
            ("response_type", "code"),
            ("client_id", DASHBOARD_CLIENT),
            ("redirect_uri", REDIRECT_URI),
            ("scope", "openid"),
            ("state", "state-1"),
            ("nonce", "nonce-1"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
            ("name", "Sign-in Tester"),
            ("role", "store_manager"),
            ("location_ids", location),
        ],
    )
    .await;
    assert_eq!(signed_in.status(), 303);
    let callback = Url::parse(signed_in.headers()[LOCATION].to_str().unwrap()).unwrap();
    let mut parameters = callback.query_pairs();
    let (_, code) = parameters.find(|(name, _)| name == "code").unwrap();
    let tokens = post_form(
        &format!("{provider}/token"),
        &[
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", REDIRECT_URI),
            ("client_id", DASHBOARD_CLIENT),
            ("code_verifier", VERIFIER),
        ],
    )
    .await;
    assert_eq!(tokens.status(), 200);
    serde_json::from_slice(&tokens.bytes().await.unwrap()).unwrap()
}

#[tokio::test]
async fn signed_in_manager_sees_own_store_only() {
    let Some(deployed) = Deployed::find() else {
        return;
    };
    // given two stores, and a manager of one of them who signed in
    deployed.open_store(OWN, &[("milk", 5)]).await;
    deployed.open_store(OTHER, &[("milk", 5)]).await;
    let tokens = sign_in(&deployed.cloud.identity_url, OWN).await;
    // when the access token is used at the API
    let token = tokens["access_token"].as_str().unwrap();
    let api = ApiClient::new(&deployed.cloud.api_url, token).unwrap();
    let level = async |location: &str| {
        let path = format!("/v1/locations/{location}/stock/milk");
        api.get(&path).await.unwrap()
    };
    // then the own store is there, and the other is not
    let own = level(OWN).await.expect_status(&[200]).unwrap();
    assert_eq!(own.body["on_hand"], 5);
    level(OTHER).await.expect_status(&[404]).unwrap();
    // and the id token, which is for the dashboard, is rejected
    let id_token = tokens["id_token"].as_str().unwrap();
    let path = format!("/v1/locations/{OWN}/stock/milk");
    let rejected = api.with_token(id_token).get(&path).await.unwrap();
    rejected.expect_status(&[401, 403]).unwrap();
}
