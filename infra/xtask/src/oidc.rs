//! Tokens of the local identity provider: an ES256 key pair that `up` creates, its public key for the authorizer, signatures.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use p256::elliptic_curve::rand_core::{OsRng, RngCore};
use p256::pkcs8::{DecodePrivateKey, EncodePrivateKey, LineEnding};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{Error, Result, clock, files};

/// `iss` of the tokens. The authorizer is configured with it.
pub const ISSUER: &str = "https://identity.stockline.local";
/// `aud` of the tokens.
pub const AUDIENCE: &str = "stockline-api";
/// The client id of the dashboard, and `aud` of its id tokens.
pub const DASHBOARD_CLIENT: &str = "stockline-dashboard";

/// The signing side of the identity provider.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Identity {
    /// `iss`.
    pub issuer: String,
    /// `aud`.
    pub audience: String,
    /// `kid`.
    pub key_id: String,
    /// The private key, PKCS#8 in PEM.
    pub key_path: PathBuf,
}

/// The claims of a token about its bearer.
#[derive(Debug, Clone)]
pub struct Bearer {
    /// `sub`: the caller.
    pub subject: String,
    /// `store_app`, `store_manager`, `controller`, `logistics`, `analyst` or `admin`. `None`: a token without claims about its
    /// bearer's access, which is then that of the stored user.
    pub role: Option<String>,
    /// The locations the caller may access. An admin without locations may access all of them.
    pub location_ids: Vec<String>,
    /// The controller id, for the role `controller`.
    pub controller_id: Option<String>,
    /// Lifetime of the token.
    pub ttl: Duration,
}

impl Bearer {
    /// A bearer of a role, without locations. The token lives for an hour.
    pub fn new(role: &str) -> Self {
        Self {
            subject: format!("{role}-local"),
            role: Some(role.to_owned()),
            location_ids: Vec::new(),
            controller_id: None,
            ttl: Duration::from_hours(1),
        }
    }

    /// A bearer of a token that has only a subject. The token lives for an hour.
    pub fn without_role(subject: impl Into<String>) -> Self {
        let mut bearer = Self::new("").named(subject);
        bearer.role = None;
        bearer
    }

    /// Sets the locations.
    #[must_use]
    pub fn at<S: Into<String>>(mut self, locations: impl IntoIterator<Item = S>) -> Self {
        self.location_ids = locations.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the subject.
    #[must_use]
    pub fn named(mut self, subject: impl Into<String>) -> Self {
        self.subject = subject.into();
        self
    }

    /// Sets the controller id, and uses it as the subject.
    #[must_use]
    pub fn controlling(mut self, controller_id: impl Into<String>) -> Self {
        let id = controller_id.into();
        self.subject.clone_from(&id);
        self.controller_id = Some(id);
        self
    }
}

impl Identity {
    /// Loads the key from this file. Creates a new key if there is none or the file is unreadable.
    pub fn ensure(key_path: &Path) -> Result<Self> {
        let key = if let Ok(key) = load(key_path) {
            key
        } else {
            let key = SigningKey::random(&mut OsRng);
            let pem = key
                .to_pkcs8_pem(LineEnding::LF)
                .map_err(Error::unreadable("the new signing key"))?;
            files::write(key_path, pem.as_bytes())?;
            key
        };
        Ok(Self {
            issuer: ISSUER.into(),
            audience: AUDIENCE.into(),
            key_id: key_id(&key),
            key_path: key_path.to_owned(),
        })
    }

    /// The public key as a JSON Web Key Set.
    pub fn key_set(&self) -> Result<String> {
        let (x, y) = coordinates(&load(&self.key_path)?);
        Ok(json!({"keys": [{"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": self.key_id, "x": x, "y": y}]}).to_string())
    }

    /// A signed access token.
    pub fn token(&self, bearer: &Bearer) -> Result<String> {
        let now = clock::since_epoch().as_secs();
        let mut claims = json!({
            "iss": self.issuer, "aud": self.audience, "sub": bearer.subject,
            "iat": now, "nbf": now.saturating_sub(5), "exp": now + bearer.ttl.as_secs(),
        });
        // An admin without the claim may access all locations. Any other role without locations may access none.
        if let Some(role) = &bearer.role {
            claims["role"] = json!(role);
            if role != "admin" || !bearer.location_ids.is_empty() {
                claims["location_ids"] = json!(bearer.location_ids);
            }
        }
        if let Some(id) = &bearer.controller_id {
            claims["controller_id"] = json!(id);
        }
        self.sign(&claims)
    }

    /// A signed JWT with these claims.
    pub fn sign(&self, claims: &Value) -> Result<String> {
        let header = json!({"alg": "ES256", "typ": "JWT", "kid": self.key_id});
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header.to_string()),
            URL_SAFE_NO_PAD.encode(claims.to_string())
        );
        let signature: Signature = load(&self.key_path)?.sign(signed.as_bytes());
        Ok(format!(
            "{signed}.{}",
            URL_SAFE_NO_PAD.encode(signature.to_bytes())
        ))
    }
}

/// 256 bits from the system's random number generator, base64url: 43 characters.
pub fn random_id() -> String {
    let mut bytes = [0; 32];
    OsRng.fill_bytes(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

fn load(path: &Path) -> Result<SigningKey> {
    SigningKey::from_pkcs8_pem(&files::read(path)?)
        .map_err(Error::unreadable(path.display().to_string()))
}

fn coordinates(key: &SigningKey) -> (String, String) {
    let point = key.verifying_key().to_encoded_point(false);
    let bytes = point.as_bytes();
    (
        URL_SAFE_NO_PAD.encode(&bytes[1..33]),
        URL_SAFE_NO_PAD.encode(&bytes[33..65]),
    )
}

fn key_id(key: &SigningKey) -> String {
    // The thumbprint of RFC 7638 gives each key its own id.
    let (x, y) = coordinates(key);
    let thumbprint =
        files::digest(format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#).as_bytes());
    format!("local-{}", &thumbprint[..16])
}

#[cfg(test)]
mod tests {
    use p256::ecdsa::signature::Verifier;

    use super::*;

    fn decoded(part: &str) -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }

    #[test]
    fn token_verifies_and_carries_the_claims() {
        let folder = tempfile::tempdir().unwrap();
        let identity = Identity::ensure(&folder.path().join("key.pem")).unwrap();

        let token = identity
            .token(&Bearer::new("store_app").at(["store-1"]).named("till-7"))
            .unwrap();

        let parts: Vec<&str> = token.split('.').collect();
        assert_eq!(decoded(parts[0])["kid"], identity.key_id.as_str());
        let claims = decoded(parts[1]);
        assert_eq!(claims["sub"], "till-7");
        assert_eq!(claims["location_ids"], json!(["store-1"]));
        let signature = Signature::from_slice(&URL_SAFE_NO_PAD.decode(parts[2]).unwrap()).unwrap();
        let key = load(&identity.key_path).unwrap();
        key.verifying_key()
            .verify(format!("{}.{}", parts[0], parts[1]).as_bytes(), &signature)
            .unwrap();
    }

    #[test]
    fn key_is_kept_between_runs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        let first = Identity::ensure(&path).unwrap();
        let second = Identity::ensure(&path).unwrap();
        assert_eq!(first.key_set().unwrap(), second.key_set().unwrap());
    }

    #[test]
    fn location_claim_is_omitted_for_admins_only() {
        let folder = tempfile::tempdir().unwrap();
        let identity = Identity::ensure(&folder.path().join("key.pem")).unwrap();
        let claims = |role| {
            decoded(
                identity
                    .token(&Bearer::new(role))
                    .unwrap()
                    .split('.')
                    .nth(1)
                    .unwrap(),
            )
        };
        assert_eq!(claims("admin").get("location_ids"), None);
        assert_eq!(claims("store_app")["location_ids"], json!([]));
    }
}
