//! Whoever asks.

use std::{net::IpAddr, sync::Arc};

use axum::{extract::FromRequestParts, http::request::Parts};

use super::Client;
use crate::{
    db::KeyRecord,
    domain::{KeyId, Scope},
    http::error::{ApiError, Code},
};

/// Whoever asks, after `authenticate` has looked. Paths that are open to all have none.
#[derive(Debug, Clone)]
pub(in crate::http) struct Caller {
    /// Absent where keys are not asked for: then everybody may do everything.
    pub(crate) key: Option<Arc<KeyRecord>>,
    /// Where the request comes from.
    pub(crate) address: IpAddr,
}

impl Caller {
    /// The key that owns what the caller makes.
    pub(crate) fn key(&self) -> Option<KeyId> {
        self.key.as_ref().map(|key| key.id)
    }

    /// Whose jobs alone the caller may reach; `None`: everybody's.
    pub(crate) fn confined_to(&self) -> Option<KeyId> {
        let key = self.key.as_ref()?;
        (!key.scopes.contains(&Scope::JobsAll)).then_some(key.id)
    }

    /// Whom the caller's requests and jobs are counted for.
    pub(crate) fn client(&self) -> Client {
        match self.key() {
            Some(key) => Client::Key(key),
            None => Client::at(self.address),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let caller = parts.extensions.get().cloned();
        // A path that is open to all has no use for its caller; asking is a mistake of ours.
        caller.ok_or_else(|| ApiError::new(Code::Internal, "the caller is not known"))
    }
}
