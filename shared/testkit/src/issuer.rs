//! A test identity provider: signs tokens and publishes its keys.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use rsa::pkcs1::EncodeRsaPrivateKey;
use rsa::traits::PublicKeyParts;
use serde_json::{Value, json};

/// Signs tokens with one P-256 key.
pub struct Issuer {
    kid: &'static str,
    key: SigningKey,
}

/// An issuer with the key id `kid` and a key derived from `seed`.
pub fn issuer(kid: &'static str, seed: u8) -> Issuer {
    Issuer {
        kid,
        key: SigningKey::from_slice(&[seed; 32]).unwrap(),
    }
}

/// The claims of a `store_app` token that is valid at the tests' time, 2026-03-01T12:00Z.
pub fn claims() -> Value {
    json!({
        "iss": "https://identity.test", "aud": "stockline-api", "sub": "till-1", "role": "store_app",
        "location_ids": ["store-2", "store-1"], "iat": 1_772_366_400, "nbf": 1_772_366_400, "exp": 1_772_370_000,
    })
}

/// [`claims`] with some replaced; null removes a claim.
pub fn claims_with(changes: &Value) -> Value {
    let mut claims = claims();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

/// Encodes one part of a token: base64url of its JSON.
pub fn encode_part(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

impl Issuer {
    /// A token with `claims`, signed correctly.
    pub fn token(&self, claims: &Value) -> String {
        self.token_with(
            &json!({"alg": "ES256", "typ": "JWT", "kid": self.kid}),
            claims,
        )
    }

    /// A token with this header. It is signed with the issuer's key whatever the header says.
    pub fn token_with(&self, header: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", encode_part(header), encode_part(claims));
        let signature: Signature = self.key.sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }

    /// The public key as a JWK.
    pub fn public(&self) -> Value {
        let point = self.key.verifying_key().to_encoded_point(false);
        let (x, y) = point.as_bytes()[1..].split_at(32);
        json!({
            "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": self.kid,
            "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
        })
    }

    /// The public key as bytes, to forge HMAC tokens with (algorithm confusion).
    pub fn public_bytes(&self) -> Vec<u8> {
        self.key
            .verifying_key()
            .to_encoded_point(false)
            .as_bytes()
            .to_vec()
    }
}

/// Generates an RSA key of `bits` bits: its public JWK and a token signed with it.
pub fn rsa_key_and_token(bits: usize, claims: &Value) -> (Value, String) {
    let key = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, bits).unwrap();
    let mut header = Header::new(Algorithm::RS256);
    header.kid = Some("rsa".to_owned());
    let der = EncodingKey::from_rsa_der(key.to_pkcs1_der().unwrap().as_bytes());
    let token = jsonwebtoken::encode(&header, claims, &der).unwrap();
    // Without `alg`, which some providers leave out.
    let published = json!({
        "kty": "RSA", "use": "sig", "kid": "rsa",
        "n": URL_SAFE_NO_PAD.encode(key.n().to_bytes_be()), "e": URL_SAFE_NO_PAD.encode(key.e().to_bytes_be()),
    });
    (published, token)
}
