//! Asking callers for their key.

use std::sync::Arc;

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use crate::{
    db::KeyRecord,
    domain::{Scope, SecretHash},
    http::{
        AppState,
        access::{Caller, Limiter, Requirement, Requirements, address},
        error::{ApiError, Code},
        receive,
    },
};

/// Paths beside the documented ones that are open to all: they say what the repository says.
const OPEN: [&str; 4] = ["/docs", "/docs/", "/docs/{*rest}", "/openapi.json"];

/// What the middleware decides by.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    pub(crate) state: AppState,
    pub(crate) requirements: Arc<Requirements>,
    pub(crate) limiter: Arc<Limiter>,
}

/// Lets through whoever may have what is asked for and has not asked too often, and tells the
/// handler who it is.
pub(crate) async fn authenticate(
    State(gate): State<Gate>,
    mut request: Request,
    next: Next,
) -> Response {
    let scopes = match requirement(&gate.requirements, &request) {
        Requirement::Nothing => return next.run(request).await,
        Requirement::Key(scopes) => scopes,
    };
    let proxies = &gate.state.access.trusted_proxies;
    let mut caller = Caller {
        key: None,
        address: address(request.extensions(), request.headers(), proxies),
    };
    let mut refused = None;
    if gate.state.keys_required {
        match identify(&gate.state, request.headers(), &scopes).await {
            Ok(key) => caller.key = Some(Arc::new(key)),
            Err(refusal) => refused = Some(refusal.into_response()),
        }
    }
    // Those without a key are counted too: by their address.
    let standing = gate.limiter.count(caller.client(), request.method());
    if let Some(Err(error)) = standing.map(|standing| standing.check()) {
        refused = Some(error.into_response());
    }
    let mut response = if let Some(response) = refused {
        receive::refuse(request).await;
        response
    } else {
        request.extensions_mut().insert(caller.clone());
        next.run(request).await
    };
    if let Some(standing) = standing {
        standing.tell(&mut response);
    }
    // For the log.
    response.extensions_mut().insert(caller);
    response
}

fn requirement(requirements: &Requirements, request: &Request) -> Requirement {
    match request.extensions().get::<MatchedPath>() {
        Some(path)
            if OPEN.contains(&path.as_str())
                && matches!(*request.method(), Method::GET | Method::HEAD) =>
        {
            Requirement::Nothing
        }
        Some(path) => requirements.find(path.as_str(), request.method()),
        // Whoever has a key may be told that there is nothing here.
        None => Requirement::Key(Vec::new()),
    }
}

/// Why a caller is not let through.
enum Refusal {
    NoKey,
    UnknownKey,
    MissingScopes(Vec<Scope>),
    Failed(ApiError),
}

impl Refusal {
    fn into_response(self) -> Response {
        let (error, challenge) = match self {
            Self::NoKey => (
                ApiError::new(
                    Code::Unauthorized,
                    "send an API key as `Authorization: Bearer KEY`; given: none",
                ),
                r#"Bearer realm="diarist""#.to_owned(),
            ),
            Self::UnknownKey => (
                ApiError::new(Code::Unauthorized, "the API key is unknown or revoked"),
                r#"Bearer realm="diarist", error="invalid_token""#.to_owned(),
            ),
            Self::MissingScopes(scopes) => {
                let names: Vec<_> = scopes.iter().map(|scope| scope.as_str()).collect();
                let names = names.join(" ");
                (
                    ApiError::new(
                        Code::InsufficientScope,
                        format_args!("the API key has not the scope {names}"),
                    ),
                    format!(
                        r#"Bearer realm="diarist", error="insufficient_scope", scope="{names}""#
                    ),
                )
            }
            Self::Failed(error) => return error.into_response(),
        };
        let mut response = error.into_response();
        if let Ok(challenge) = HeaderValue::from_str(&challenge) {
            let headers = response.headers_mut();
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// The caller's key, which must be valid and have `scopes`.
async fn identify(
    state: &AppState,
    headers: &HeaderMap,
    scopes: &[Scope],
) -> Result<KeyRecord, Refusal> {
    let presented = bearer(headers).ok_or(Refusal::NoKey)?;
    let key = state.db.valid_key(&SecretHash::of(presented)).await;
    let key = key
        .map_err(|error| Refusal::Failed(error.into()))?
        .ok_or(Refusal::UnknownKey)?;
    if key.use_is_news() {
        let (db, id) = (state.db.clone(), key.id);
        // The answer need not wait for it.
        tokio::spawn(async move {
            if let Err(error) = db.key_used(id).await {
                tracing::warn!(key = %id, %error, "a key's use was not written down");
            }
        });
    }
    let missing: Vec<_> = scopes
        .iter()
        .copied()
        .filter(|scope| !key.scopes.contains(scope))
        .collect();
    if missing.is_empty() {
        Ok(key)
    } else {
        Err(Refusal::MissingScopes(missing))
    }
}

/// The token of `Authorization: Bearer TOKEN` (RFC 6750), the one place it is taken from.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.trim().split_once(' ')?;
    let token = token.trim_start();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_found_however_the_scheme_is_written() {
        let bearer = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, HeaderValue::from_static(value));
            super::bearer(&headers).map(str::to_owned)
        };
        assert_eq!(bearer("Bearer abc").as_deref(), Some("abc"));
        assert_eq!(bearer("bearer  abc ").as_deref(), Some("abc"));
        for other in ["abc", "Bearer", "Bearer ", "Basic abc", ""] {
            assert_eq!(bearer(other), None, "{other}");
        }
    }
}
