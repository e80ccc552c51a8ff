//! How a receiver knows that a webhook is ours and fresh.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _, digest::InvalidLength};
use sha2::Sha256;

use super::Encoding;
use crate::http::secret::Secret;

/// HMAC-SHA256 over version, time and body.
pub(super) fn signature(
    secret: &Secret,
    timestamp: i64,
    body: &[u8],
    encoding: Encoding,
) -> Result<String, InvalidLength> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())?;
    mac.update(format!("v0:{timestamp}:").as_bytes());
    mac.update(body);
    let bytes = mac.finalize().into_bytes();
    Ok(match encoding {
        Encoding::Hex => hex::encode(bytes),
        Encoding::Base64 => STANDARD.encode(bytes),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As OpenSSL has it: `printf 'v0:1700000000:{}' | openssl dgst -sha256 -hmac secret`.
    #[test]
    fn the_signature_is_that_of_the_documented_text() {
        let sign = |encoding| {
            let secret = Secret::from("secret".to_owned());
            signature(&secret, 1_700_000_000, b"{}", encoding).unwrap()
        };
        assert_eq!(
            sign(Encoding::Hex),
            "84dd7b277ba946b3a34369b43499bfd9258b410b8894583f1288b1911aa6a6d6"
        );
        assert_eq!(
            sign(Encoding::Base64),
            "hN17J3upRrOjQ2m0NJm/2SWLQQuIlFg/EoixkRqmptY="
        );
    }
}
