//! `Idempotency-Key`: a request that comes again is answered as the first time and does nothing.

use std::{collections::BTreeMap, time::Duration};

use axum::http::{HeaderMap, HeaderName};
use sha2::{Digest as _, Sha256};
use tokio::task::AbortHandle;

use super::{
    AppState,
    access::Caller,
    error::{ApiError, Code, FieldError},
};
use crate::db::{Begun, Db, DoneRequest, KeyClaim, Task};

/// The caller's name for its request.
pub(super) const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Says that an answer is an earlier one.
pub(super) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The longest key, in bytes.
const MAX_KEY_BYTES: usize = 255;

/// A request whose process says nothing for this long has lost its key.
const LEASE: Duration = Duration::from_secs(30);

/// Where a request that has a key stands.
#[derive(Debug)]
pub(super) enum Attempt {
    /// It is the first one.
    First(Held),
    /// An earlier one was done.
    Again { fingerprint: String, answer: String },
}

/// Claims the key that the request has, if it has one.
pub(super) async fn begin(
    state: &AppState,
    caller: &Caller,
    headers: &HeaderMap,
) -> Result<Option<Attempt>, ApiError> {
    let Some(key) = key(headers)? else {
        return Ok(None);
    };
    let owner = caller.key().map(|key| key.to_string());
    let owner = owner.unwrap_or_default();
    match state.db.begin_request(&owner, key, LEASE).await? {
        Begun::First(claim) => Ok(Some(Attempt::First(Held::new(state.db.clone(), claim)))),
        Begun::Done {
            fingerprint,
            answer,
        } => Ok(Some(Attempt::Again {
            fingerprint,
            answer,
        })),
        Begun::InFlight => Err(in_flight()),
    }
}

/// A request with the same key is being answered.
pub(super) fn in_flight() -> ApiError {
    let detail = "a request with this Idempotency-Key is being answered; come again when it is";
    ApiError::new(Code::IdempotencyInFlight, detail).retry_after(1)
}

/// Another request has the key.
pub(super) fn mismatch() -> ApiError {
    let detail = "this Idempotency-Key belongs to a request that asked for something else; a new \
                  request needs a new key";
    ApiError::new(Code::IdempotencyMismatch, detail)
}

fn key(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let Some(value) = headers.get(KEY) else {
        return Ok(None);
    };
    let given = value.len();
    let printable = value.to_str().ok().map(str::trim);
    match printable {
        Some(key) if (1..=MAX_KEY_BYTES).contains(&key.len()) => Ok(Some(key)),
        _ => Err(ApiError::fields(vec![FieldError {
            field: "Idempotency-Key".to_owned(),
            message: format!(
                "Idempotency-Key must have 1 to {MAX_KEY_BYTES} visible ASCII characters; given: \
                 {given} bytes"
            ),
        }])),
    }
}

/// A key that is held for a request: renewed while the request lives, released when it ends
/// without being done.
#[derive(Debug)]
pub(super) struct Held {
    db: Db,
    claim: Option<KeyClaim>,
    renewing: AbortHandle,
}

impl Held {
    fn new(db: Db, claim: KeyClaim) -> Self {
        let renewing = {
            let (db, claim) = (db.clone(), claim.clone());
            tokio::spawn(async move {
                loop {
                    tokio::time::sleep(LEASE / 3).await;
                    match db.renew_request(&claim, LEASE).await {
                        Ok(true) => {}
                        // It is found out when the request is done.
                        Ok(false) => return,
                        Err(error) => tracing::warn!(%error, "an idempotency key was not renewed"),
                    }
                }
            })
        };
        Self {
            db,
            claim: Some(claim),
            renewing: renewing.abort_handle(),
        }
    }

    /// Lets go of the key of a request that is refused: its caller may use it at once.
    pub(super) async fn release(mut self) {
        if let Some(claim) = self.claim.take() {
            release(&self.db, &claim).await;
        }
    }

    /// What is to be written down with what the request does.
    pub(super) fn done(&self, fingerprint: String, answer: String) -> Option<DoneRequest> {
        Some(DoneRequest {
            claim: self.claim.clone()?,
            fingerprint,
            answer,
        })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.renewing.abort();
        if let Some(claim) = self.claim.take() {
            let db = self.db.clone();
            // The caller hung up, or the request was done and nothing will be released.
            tokio::spawn(async move { release(&db, &claim).await });
        }
    }
}

async fn release(db: &Db, claim: &KeyClaim) {
    if let Err(error) = db.release_request(claim).await {
        tracing::warn!(%error, "an idempotency key was not released");
    }
}

/// What a request asks for, so that two can be compared: everything it names and brings, in
/// whatever order.
#[derive(Debug, Default)]
pub(super) struct Fingerprint(BTreeMap<String, Vec<String>>);

impl Fingerprint {
    /// That of a request for a job, nothing of which was read yet.
    pub(super) fn of(task: &Task) -> Self {
        let mut fingerprint = Self::default();
        let path = match task {
            Task::Diarize => "POST /v1/diarize",
            Task::Voiceprint => "POST /v1/voiceprint",
            Task::Identify { .. } => "POST /v1/identify",
            Task::Verify { .. } => "POST /v1/verify",
        };
        fingerprint.add("", path);
        fingerprint
    }

    /// Adds one of the request's parts.
    pub(super) fn add(&mut self, name: &str, value: impl AsRef<[u8]>) {
        self.add_digest(name, &Sha256::digest(value));
    }

    /// Adds a part by its SHA-256.
    pub(super) fn add_digest(&mut self, name: &str, digest: &[u8]) {
        let parts = self.0.entry(name.to_owned()).or_default();
        parts.push(hex::encode(digest));
    }

    /// One value for all of it.
    pub(super) fn finish(self) -> String {
        let mut all = Sha256::new();
        for (name, mut parts) in self.0 {
            parts.sort();
            all.update(Sha256::digest(name));
            all.update((parts.len() as u64).to_le_bytes());
            for part in parts {
                all.update(part);
            }
        }
        hex::encode(all.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(parts: &[(&str, &str)]) -> String {
        let mut fingerprint = Fingerprint::default();
        for (name, value) in parts {
            fingerprint.add(name, value);
        }
        fingerprint.finish()
    }

    #[test]
    fn the_order_of_parts_does_not_matter_and_all_else_does() {
        let one = fingerprint(&[("a", "1"), ("b", "2"), ("b", "3")]);
        assert_eq!(one, fingerprint(&[("b", "3"), ("b", "2"), ("a", "1")]));
        for other in [
            fingerprint(&[("a", "1"), ("b", "2")]),
            fingerprint(&[("a", "1"), ("b", "2"), ("b", "4")]),
            fingerprint(&[("a", "1"), ("c", "2"), ("b", "3")]),
            fingerprint(&[]),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn keys_are_short_and_visible() {
        let read = |value: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(KEY, axum::http::HeaderValue::from_bytes(value).unwrap());
            key(&headers).map(|key| key.unwrap().to_owned())
        };
        assert_eq!(read(b" 8e03978e ").unwrap(), "8e03978e");
        for bad in [&b""[..], b"  ", &[b'x'; 256], "schl\u{fc}ssel".as_bytes()] {
            let refused = read(bad).unwrap_err();
            assert_eq!(refused.code, Code::InvalidRequest);
        }
    }
}
