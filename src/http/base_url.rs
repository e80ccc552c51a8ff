//! Where callers reach this service from: what links begin with.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, Uri, header, request::Parts, uri::Authority},
};

use super::{AppState, error::ApiError, error::FieldError};

/// Scheme and host (and a path, if the setting has one), without a slash at the end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BaseUrl(pub(super) String);

impl FromRequestParts<AppState> for BaseUrl {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &AppState,
    ) -> Result<Self, Self::Rejection> {
        match state.settings.public_base_url.trim_end_matches('/') {
            "" => derived(&parts.headers, &parts.uri).ok_or_else(|| {
                ApiError::fields(vec![FieldError {
                    field: "Host".to_owned(),
                    message: "Host (or X-Forwarded-Host) must be a host, with or without a port"
                        .to_owned(),
                }])
            }),
            setting => Ok(Self(setting.to_owned())),
        }
    }
}

/// What the caller used, as proxies in front report it. Nobody but the caller is answered with it,
/// so that a caller who lies is lied to.
fn derived(headers: &HeaderMap, uri: &Uri) -> Option<BaseUrl> {
    let host = first(headers, "x-forwarded-host")
        .or_else(|| first(headers, header::HOST.as_str()))
        .or_else(|| uri.authority().map(Authority::as_str))?;
    let authority: Authority = host.parse().ok()?;
    if authority.host().is_empty() || host.contains('@') {
        return None;
    }
    let scheme = match first(headers, "x-forwarded-proto") {
        Some(scheme) if scheme.eq_ignore_ascii_case("https") => "https",
        _ => "http",
    };
    Some(BaseUrl(format!("{scheme}://{authority}")))
}

/// The first of a list's values: that of the proxy nearest to the caller.
fn first<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let value = headers.get(name)?.to_str().ok()?;
    let value = value.split(',').next()?.trim();
    (!value.is_empty()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(pairs: &[(&'static str, &str)]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, value.parse().unwrap());
        }
        derived(&headers, &Uri::from_static("/v1/media/input")).map(|base| base.0)
    }

    #[test]
    fn the_callers_own_way_is_given_back() {
        let host = ("host", "here:8080");
        assert_eq!(base(&[host]).unwrap(), "http://here:8080");
        let forwarded = [
            host,
            ("x-forwarded-host", "diarist.example, inner"),
            ("x-forwarded-proto", "https,http"),
        ];
        assert_eq!(base(&forwarded).unwrap(), "https://diarist.example");
        assert_eq!(base(&[("host", "[::1]:80")]).unwrap(), "http://[::1]:80");
        for bad in ["", "a b", "a/b", "user@host", "a?b"] {
            assert_eq!(base(&[("host", bad)]), None, "{bad}");
        }
    }
}
