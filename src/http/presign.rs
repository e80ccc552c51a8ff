//! Links to media that authenticate themselves: whoever has one may do what it says until its time
//! is over, and nothing else.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Deserialize;
use sha2::Sha256;
use utoipa::IntoParams;

use super::{
    error::{ApiError, Code},
    secret::Secret,
};
use crate::domain::MediaKey;

/// Where links lead.
pub(super) const PATH: &str = "/v1/media/object";

/// What a link may be for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// Reading.
    Get,
    /// Writing.
    Put,
}

/// A link's query: made by the service, not by callers.
#[derive(Debug, Clone, PartialEq, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Link {
    /// The recording, without `media://`.
    key: String,
    /// Whose it is; nobody's if absent.
    owner: Option<String>,
    /// Until when it may be used, in seconds since 1970-01-01 UTC.
    expires: i64,
    /// HMAC-SHA256 over method, key, owner and expiry, in hexadecimal.
    signature: String,
}

impl Link {
    /// A link to `key` that lasts for `seconds` from `now` on.
    pub(super) fn new(
        secret: &Secret,
        of: Use,
        key: &MediaKey,
        seconds: u32,
        now: DateTime<Utc>,
    ) -> Result<Self, ApiError> {
        let mut link = Self {
            key: key.as_str().to_owned(),
            owner: key.owner().map(|owner| owner.to_string()),
            expires: (now + TimeDelta::seconds(seconds.into())).timestamp(),
            signature: String::new(),
        };
        link.signature = hex::encode(link.mac(secret, of)?.finalize().into_bytes());
        Ok(link)
    }

    /// The signed text. Its lines cannot run into each other: neither keys nor owners have breaks.
    fn mac(&self, secret: &Secret, of: Use) -> Result<Hmac<Sha256>, ApiError> {
        let method = match of {
            Use::Get => "GET",
            Use::Put => "PUT",
        };
        let owner = self.owner.as_deref().unwrap_or_default();
        let text = format!("media\n{method}\n{owner}\n{}\n{}", self.key, self.expires);
        let mut mac =
            Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map_err(ApiError::internal)?;
        mac.update(text.as_bytes());
        Ok(mac)
    }

    /// What the link is to, if it is one of ours, for `of`, and its time is not over.
    pub(super) fn check(
        &self,
        secret: &Secret,
        of: Use,
        now: DateTime<Utc>,
    ) -> Result<MediaKey, ApiError> {
        let forged = || ApiError::new(Code::LinkInvalid, "the link's signature does not fit it");
        let signature = hex::decode(&self.signature).map_err(|_| forged())?;
        self.mac(secret, of)?
            .verify_slice(&signature)
            .map_err(|_| forged())?;
        if now.timestamp() > self.expires {
            let detail = match DateTime::from_timestamp(self.expires, 0) {
                Some(time) => format!("the link could be used until {time}; ask for another one"),
                None => "the link could be used until long ago".to_owned(),
            };
            return Err(ApiError::new(Code::LinkExpired, detail));
        }
        let owner = self.owner.as_deref().map(str::parse).transpose();
        let key: MediaKey = format!("media://{}", self.key)
            .parse()
            .map_err(|_| forged())?;
        Ok(key.of(owner.map_err(|_| forged())?))
    }
}

/// The link as the part of a URL after the host. None of its values has a character that a query
/// would not carry as it is.
impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PATH}?key={}", self.key)?;
        if let Some(owner) = &self.owner {
            write!(f, "&owner={owner}")?;
        }
        write!(f, "&expires={}&signature={}", self.expires, self.signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::KeyId;

    fn secret() -> Secret {
        Secret::from("a secret".to_owned())
    }

    fn link() -> Link {
        let key = "media://a/b.wav".parse().unwrap();
        let now = DateTime::from_timestamp(1_000, 0).unwrap();
        Link::new(&secret(), Use::Put, &key, 60, now).unwrap()
    }

    fn check(link: &Link, of: Use, seconds: i64) -> Result<String, Code> {
        let now = DateTime::from_timestamp(seconds, 0).unwrap();
        match link.check(&secret(), of, now) {
            Ok(key) => Ok(key.to_string()),
            Err(error) => Err(error.code),
        }
    }

    #[test]
    fn a_link_is_good_for_its_use_its_key_and_its_time() {
        let link = link();
        assert_eq!(check(&link, Use::Put, 1_060).unwrap(), "media://a/b.wav");
        assert_eq!(check(&link, Use::Put, 1_061), Err(Code::LinkExpired));
        assert_eq!(check(&link, Use::Get, 1_000), Err(Code::LinkInvalid));
        let longer = Link {
            expires: 2_000,
            ..link.clone()
        };
        assert_eq!(check(&longer, Use::Put, 1_000), Err(Code::LinkInvalid));
        let stranger = Link {
            owner: Some(KeyId::generate().to_string()),
            ..link.clone()
        };
        assert_eq!(check(&stranger, Use::Put, 1_000), Err(Code::LinkInvalid));
        let other = Link {
            key: "a/c.wav".to_owned(),
            ..link.clone()
        };
        assert_eq!(check(&other, Use::Put, 1_000), Err(Code::LinkInvalid));
        for signature in ["", "00", "zz", "ä", &link.signature[1..]] {
            let forged = Link {
                signature: signature.to_owned(),
                ..link.clone()
            };
            assert_eq!(check(&forged, Use::Put, 1_000), Err(Code::LinkInvalid));
        }
    }

    #[test]
    fn a_link_is_good_for_one_service() {
        let other = Secret::from("another secret".to_owned());
        let now = DateTime::from_timestamp(1_000, 0).unwrap();
        let refused = link().check(&other, Use::Put, now).unwrap_err();
        assert_eq!(refused.code, Code::LinkInvalid);
    }
}
