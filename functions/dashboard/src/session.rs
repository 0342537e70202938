//! Cookies: the session, the sign-in that is under way, and the tokens of forms. All are signed, and none is stored here.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use stockline_application::sign_in::{PendingSignIn, SIGN_IN_TIMEOUT, Session};
use stockline_domain::caller::{Caller, Locations, Role};
use stockline_domain::ids::LocationId;
use stockline_platform::edge::PageRequest;
use stockline_platform::sealing::SealingKey;

use crate::site::Site;

const SESSION: &str = "stockline_session";
const SIGN_IN: &str = "stockline_sign_in";

/// The longest cookie that every browser keeps, in bytes, with room for its attributes.
const MAX_COOKIE: usize = 3900;

/// The session names more locations than a cookie can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the session does not fit into a cookie")]
pub struct TooManyLocations;

/// Issues and reads the cookies.
pub struct Cookies {
    key: SealingKey,
    attributes: String,
}

/// The content of the session cookie. The person can read it, and cannot change it.
#[derive(Debug, Serialize, Deserialize)]
struct SessionRecord {
    id: String,
    subject: String,
    name: String,
    role: Role,
    /// `None` is every location.
    locations: Option<BTreeSet<LocationId>>,
    /// Seconds since 1970.
    expires_at: i64,
}

impl Cookies {
    /// Creates the cookies of `site`.
    pub fn new(key: SealingKey, site: &Site) -> Self {
        // Lax, not Strict: the provider's redirect comes from another site, and must bring the cookie of the sign-in.
        let secure = if site.is_secure() { "; Secure" } else { "" };
        let path = site.cookie_path();
        Self {
            key,
            attributes: format!("; Path={path}; HttpOnly; SameSite=Lax{secure}"),
        }
    }

    /// Returns the session of a request, if it has one that this deployment began and that has not expired.
    pub fn session(&self, request: &PageRequest, now: Timestamp) -> Option<Session> {
        let content = self.key.open(SESSION, request.cookie(SESSION)?).ok()?;
        let record: SessionRecord = serde_json::from_slice(&content).ok()?;
        let expires_at = Timestamp::from_second(record.expires_at).ok()?;
        (now < expires_at).then(|| Session {
            id: record.id,
            caller: Caller {
                subject: record.subject,
                role: record.role,
                locations: record.locations.map_or(Locations::All, Locations::Only),
                controller: None,
            },
            name: record.name,
            expires_at,
        })
    }

    /// Returns the `Set-Cookie` header of a session that begins.
    pub fn begin_session(
        &self,
        session: &Session,
        now: Timestamp,
    ) -> Result<String, TooManyLocations> {
        let Caller {
            subject,
            role,
            locations,
            ..
        } = session.caller.clone();
        let record = SessionRecord {
            id: session.id.clone(),
            subject,
            name: session.name.clone(),
            role,
            locations: match locations {
                Locations::All => None,
                Locations::Only(own) => Some(own),
            },
            expires_at: session.expires_at.as_second(),
        };
        let content = serde_json::to_vec(&record).unwrap_or_default();
        let sealed = self.key.seal(SESSION, &content);
        if sealed.len() > MAX_COOKIE {
            return Err(TooManyLocations);
        }
        let seconds = session.expires_at.duration_since(now).as_secs();
        Ok(self.cookie(SESSION, &sealed, seconds))
    }

    /// Returns the `Set-Cookie` header that ends the session.
    pub fn end_session(&self) -> String {
        self.cookie(SESSION, "", 0)
    }

    /// Returns the sign-in that the browser of a request began.
    pub fn sign_in(&self, request: &PageRequest) -> Option<PendingSignIn> {
        let content = self.key.open(SIGN_IN, request.cookie(SIGN_IN)?).ok()?;
        serde_json::from_slice(&content).ok()
    }

    /// Returns the `Set-Cookie` header of a sign-in that begins.
    pub fn begin_sign_in(&self, pending: &PendingSignIn) -> String {
        let content = serde_json::to_vec(pending).unwrap_or_default();
        let sealed = self.key.seal(SIGN_IN, &content);
        self.cookie(SIGN_IN, &sealed, SIGN_IN_TIMEOUT.as_secs())
    }

    /// Returns the `Set-Cookie` header that ends a sign-in, so that its code cannot be sent again.
    pub fn end_sign_in(&self) -> String {
        self.cookie(SIGN_IN, "", 0)
    }

    /// Returns the token that every form of the session carries.
    pub fn form_token(&self, session: &Session) -> String {
        self.key.seal("form", session.id.as_bytes())
    }

    /// Whether `token` is that of the session's forms.
    pub fn is_form_token(&self, session: &Session, token: &str) -> bool {
        let content = self.key.open("form", token);
        content.is_ok_and(|content| content == session.id.as_bytes())
    }

    fn cookie(&self, name: &str, value: &str, seconds: i64) -> String {
        format!("{name}={value}; Max-Age={seconds}{}", self.attributes)
    }
}
