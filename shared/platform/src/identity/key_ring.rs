//! A cache of the identity provider's public keys, each bound to the one algorithm it may verify.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;
use stockline_application::error_chain::error_chain;
use stockline_application::ports::clock::Clock;
use stockline_application::ports::identity::KeySetSource;
use stockline_application::store_error::StoreError;

/// The age at which a key set is fetched again.
const KEY_SET_TTL: SignedDuration = SignedDuration::from_mins(10);

/// The minimum time between two fetches, so that tokens with unknown key ids cannot flood the provider.
const MIN_FETCH_INTERVAL: SignedDuration = SignedDuration::from_mins(1);

/// The length in base64 characters of the modulus of a 2048-bit RSA key.
const MIN_MODULUS_LENGTH: usize = 342;

/// A public key and the only algorithm it may verify. The algorithm in a token's header is compared with it, never used.
pub struct VerifyingKey {
    /// ES256 for a P-256 key, RS256 for an RSA key.
    pub algorithm: Algorithm,
    /// The public key.
    pub key: DecodingKey,
}

type Keys = HashMap<String, Arc<VerifyingKey>>;

/// The cached keys, by key id.
pub struct KeyRing<Source, Time> {
    source: Source,
    clock: Time,
    cache: Mutex<CachedKeys>,
}

#[derive(Clone, Default)]
struct CachedKeys {
    keys: Option<Arc<Keys>>,
    fetched_at: Timestamp,
    attempted_at: Timestamp,
}

#[derive(Deserialize)]
struct KeySetDocument {
    keys: Vec<Value>,
}

impl<Source: KeySetSource, Time: Clock> KeyRing<Source, Time> {
    /// Creates an empty cache.
    pub fn new(source: Source, clock: Time) -> Self {
        Self {
            source,
            clock,
            cache: Mutex::default(),
        }
    }

    /// The key `kid`, if the provider publishes it.
    ///
    /// An unknown `kid` may be a rotated key, so the set is fetched again, at most once a minute. If a fetch fails, the
    /// cached keys stay valid.
    ///
    /// # Errors
    /// [`StoreError`] if no key set has been fetched since start.
    pub async fn find(&self, kid: &str) -> Result<Option<Arc<VerifyingKey>>, StoreError> {
        let now = self.clock.now();
        let cached = self.cache().clone();
        let Some(keys) = cached.keys else {
            return Ok(self.fetch(now).await?.get(kid).cloned());
        };
        let known = keys.get(kid).cloned();
        let is_fetch_due = known.is_none() || !is_younger_than(KEY_SET_TTL, cached.fetched_at, now);
        if !is_fetch_due || is_younger_than(MIN_FETCH_INTERVAL, cached.attempted_at, now) {
            return Ok(known);
        }
        match self.fetch(now).await {
            Ok(keys) => Ok(keys.get(kid).cloned()),
            Err(error) => {
                tracing::warn!(error = %error_chain(&error), "key set fetch failed, using the cached keys");
                Ok(known)
            }
        }
    }

    async fn fetch(&self, now: Timestamp) -> Result<Arc<Keys>, StoreError> {
        self.cache().attempted_at = now;
        let keys = Arc::new(parse_key_set(&self.source.fetch().await?)?);
        *self.cache() = CachedKeys {
            keys: Some(Arc::clone(&keys)),
            fetched_at: now,
            attempted_at: now,
        };
        Ok(keys)
    }

    fn cache(&self) -> MutexGuard<'_, CachedKeys> {
        // Every use is a single assignment or clone, so a poisoned lock still guards a consistent value.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_younger_than(limit: SignedDuration, since: Timestamp, now: Timestamp) -> bool {
    let age = now.duration_since(since);
    !age.is_negative() && age < limit
}

/// Parses a JWK set. Keys that cannot verify tokens (encryption, symmetric, other algorithms) are skipped.
fn parse_key_set(document: &str) -> Result<Keys, StoreError> {
    let document: KeySetDocument = serde_json::from_str(document)
        .map_err(StoreError::failed("parse the identity provider's key set"))?;
    let mut keys = Keys::new();
    for jwk in document.keys {
        if let Some((kid, key)) = verifying_key(jwk) {
            keys.entry(kid).or_insert(Arc::new(key));
        }
    }
    if keys.is_empty() {
        return Err(StoreError::failed("parse the identity provider's key set")(
            "no key can verify ES256 or RS256 signatures",
        ));
    }
    Ok(keys)
}

fn verifying_key(jwk: Value) -> Option<(String, VerifyingKey)> {
    let jwk: Jwk = serde_json::from_value(jwk).ok()?;
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            Algorithm::ES256
        }
        AlgorithmParameters::RSA(key) if key.n.len() >= MIN_MODULUS_LENGTH => Algorithm::RS256,
        _ => return None,
    };
    let declared = jwk.common.key_algorithm;
    let is_for_algorithm =
        declared.is_none_or(|declared| declared == KeyAlgorithm::from(algorithm));
    let is_for_signatures = jwk
        .common
        .public_key_use
        .as_ref()
        .is_none_or(|r#use| *r#use == PublicKeyUse::Signature);
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    let kid = jwk.common.key_id?;
    (is_for_algorithm && is_for_signatures).then_some((kid, VerifyingKey { algorithm, key }))
}
