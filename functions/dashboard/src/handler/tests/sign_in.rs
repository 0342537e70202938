//! Signing in and out, and cookies that this deployment did not give out.

use jiff::SignedDuration;

use super::*;

const SIGN_IN: &str = "stockline_sign_in";
const SESSION: &str = "stockline_session";

/// Begins a sign-in and returns its cookie.
async fn begin(fixture: &Fixture, return_to: &str) -> String {
    let begun = fixture
        .get("", &format!("/sign-in?return_to={return_to}"))
        .await;
    assert_eq!(begun.status, 303);
    format!("{SIGN_IN}={}", begun.cookie(SIGN_IN).unwrap())
}

#[tokio::test]
async fn sign_in_sends_state_nonce_and_challenge() {
    let fixture = fixture();
    let begun = fixture.get("", "/sign-in").await;
    let location = begun.header("location").unwrap();
    let expected = "https://identity.test/authorize?response_type=code&client_id=stockline-dashboard\
        &redirect_uri=https%3A%2F%2Fpages.test%2Flive%2Fcallback&scope=openid+profile&state=secret-1&nonce=secret-2";
    let (parameters, challenge) = location.split_once("&code_challenge=").unwrap();
    assert_eq!(parameters, expected);
    assert!(challenge.ends_with("&code_challenge_method=S256") && challenge.len() == 43 + 27);
    assert!(!location.contains("secret-3"), "the verifier stays secret");
    let cookie = begun.header("set-cookie").unwrap();
    assert!(
        cookie.ends_with("; Max-Age=600; Path=/live/; HttpOnly; SameSite=Lax; Secure"),
        "{cookie}"
    );
}

#[tokio::test]
async fn sign_in_begins_a_session_and_returns() {
    let fixture = fixture();
    let cookie = begin(&fixture, "%2Fstores%2Fstore-1%2Forders").await;

    let signed_in = fixture
        .get(&cookie, "/callback?code=good&state=secret-1")
        .await;

    assert_eq!(signed_in.status, 303, "{}", signed_in.body);
    assert_eq!(
        signed_in.header("location"),
        Some("/live/stores/store-1/orders")
    );
    assert_eq!(
        signed_in.cookie(SIGN_IN).as_deref(),
        Some(""),
        "the sign-in is used up"
    );
    let session = format!("{SESSION}={}", signed_in.cookie(SESSION).unwrap());
    let page = fixture.get(&session, "/stores/store-1/orders").await;
    assert!(page.status == 200 && page.shows("Ana Ruiz"));
    fixture.clock.advance(SignedDuration::from_hours(8));
    assert_eq!(
        fixture.get(&session, "/stores/store-1/orders").await.status,
        303,
        "it has expired"
    );
}

#[tokio::test]
async fn sign_in_never_returns_to_another_host() {
    for foreign in [
        "https%3A%2F%2Fevil.test",
        "%2F%2Fevil.test",
        "%2F%5Cevil.test",
    ] {
        let fixture = fixture();
        let cookie = begin(&fixture, foreign).await;
        let signed_in = fixture
            .get(&cookie, "/callback?code=good&state=secret-1")
            .await;
        assert_eq!(signed_in.header("location"), Some("/live/"), "{foreign}");
    }
}

#[tokio::test]
async fn response_of_another_sign_in_begins_no_session() {
    for (query, minutes) in [
        ("code=good&state=secret-9", 0),
        ("code=other&state=secret-1", 0),
        ("error=access_denied&state=secret-1", 0),
        ("code=good", 0),
        ("code=good&state=secret-1", 10),
    ] {
        let fixture = fixture();
        let cookie = begin(&fixture, "%2F").await;
        fixture.clock.advance(SignedDuration::from_mins(minutes));
        let refused = fixture.get(&cookie, &format!("/callback?{query}")).await;
        assert_eq!(
            (refused.status, refused.cookie(SESSION)),
            (400, None),
            "{query}"
        );
    }
    let fixture = fixture();
    let refused = fixture.get("", "/callback?code=good&state=secret-1").await;
    assert_eq!(
        (refused.status, refused.cookie(SESSION)),
        (400, None),
        "without a cookie"
    );
}

#[tokio::test]
async fn wrong_nonce_and_controllers_begin_no_session() {
    let fixture = fixture();
    let cookie = begin(&fixture, "%2F").await;
    let path = "/callback?code=good&state=secret-1";
    fixture.dashboard.ports.provider.0.lock().unwrap().nonce = Some("replayed".to_owned());
    assert_eq!(fixture.get(&cookie, path).await.status, 400);
    fixture.dashboard.ports.provider.0.lock().unwrap().nonce = Some("secret-2".to_owned());
    fixture.identify(TokenHolder::Caller(caller(
        "crane-7",
        Role::Controller,
        &[],
    )));
    let machine = fixture.get(&cookie, path).await;
    assert_eq!((machine.status, machine.cookie(SESSION)), (403, None));
    assert!(machine.shows("The dashboard is for people."));
    let lost = fixture
        .get(&cookie, "/callback?code=lost&state=secret-1")
        .await;
    assert_eq!(lost.status, 503);
}

#[tokio::test]
async fn token_without_role_signs_in_the_user() {
    let fixture = fixture();
    let cookie = begin(&fixture, "%2F").await;
    let path = "/callback?code=good&state=secret-1";
    fixture.identify(TokenHolder::Subject("lea".parse().unwrap()));
    let unknown = fixture.get(&cookie, path).await;
    assert_eq!((unknown.status, unknown.cookie(SESSION)), (403, None));
    assert!(unknown.shows("An administrator can give it a role."));

    fixture
        .users
        .add(user("lea", Role::StoreManager, &["store-2"]));
    let signed_in = fixture.get(&cookie, path).await;
    let session = format!("{SESSION}={}", signed_in.cookie(SESSION).unwrap());
    for (store, status) in [("store-2", 200), ("store-1", 404)] {
        let page = fixture
            .get(&session, &format!("/stores/{store}/stock"))
            .await;
        assert_eq!(page.status, status, "{store}");
    }

    fixture.users.lock().busy = true;
    assert_eq!(fixture.get(&cookie, path).await.status, 503);
}

#[tokio::test]
async fn forged_and_expired_cookies_are_no_session() {
    let fixture = fixture();
    let good = fixture.manager();
    let other = Cookies::new(SealingKey::new("other secret"), &fixture.dashboard.site);
    let session = fixture.session("ana", Role::Admin, &[]);
    let foreign = other.begin_session(&session, fixture.clock.now()).unwrap();
    // A sealed value of another purpose is no session either.
    let token = fixture.dashboard.cookies.form_token(&session);
    let mut changed = good.clone();
    changed.replace_range(SESSION.len() + 3..SESSION.len() + 4, "_");
    for cookie in [
        "",
        &format!("{SESSION}=x"),
        &changed,
        foreign.split(';').next().unwrap(),
        &format!("{SESSION}={token}"),
    ] {
        let answer = fixture.get(cookie, "/stores/store-1/stock").await;
        assert_eq!(answer.status, 303, "{cookie}");
        assert!(answer.header("location").unwrap().contains("/sign-in?"));
    }
    assert_eq!(
        fixture.get(&good, "/stores/store-1/stock").await.status,
        200
    );
}

#[tokio::test]
async fn session_without_room_in_a_cookie_is_refused() {
    let fixture = fixture();
    let cookie = begin(&fixture, "%2F").await;
    let many = (0..200).map(|number| {
        format!("a-store-with-a-long-name-{number}")
            .parse()
            .unwrap()
    });
    let mut manager = caller("ana", Role::StoreManager, &[]);
    manager.locations = Locations::Only(many.collect());
    fixture.identify(TokenHolder::Caller(manager));
    let refused = fixture
        .get(&cookie, "/callback?code=good&state=secret-1")
        .await;
    assert_eq!((refused.status, refused.cookie(SESSION)), (403, None));
}

#[tokio::test]
async fn signing_out_ends_the_session() {
    let fixture = fixture();
    let cookie = fixture.manager();
    let token = fixture.dashboard.cookies.form_token(&fixture.session(
        "ana",
        Role::StoreManager,
        &["store-1"],
    ));
    let out = fixture
        .post(&cookie, "/sign-out", &format!("form_token={token}"))
        .await;
    assert_eq!(out.status, 303);
    assert_eq!(
        out.header("location"),
        Some("https://pages.test/live/signed-out")
    );
    assert_eq!(out.cookie(SESSION).as_deref(), Some(""));
    assert_eq!(fixture.post(&cookie, "/sign-out", "").await.status, 403);
    assert!(
        fixture
            .get("", "/signed-out")
            .await
            .shows("Your session has ended.")
    );
}
