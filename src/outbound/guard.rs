//! What may be connected to.

use std::net::IpAddr;

use ipnet::IpNet;
use reqwest::Url;
use url::Host;

use super::{OutboundError, Settings, networks};

/// The rules.
#[derive(Debug, Clone)]
pub(super) struct Guard {
    allow_http: bool,
    /// Networks that are not public and allowed nevertheless.
    allowed: Vec<IpNet>,
}

impl Guard {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            allow_http: settings.allow_http,
            allowed: settings.networks().filter_map(Result::ok).collect(),
        }
    }

    /// Whether `address` may be connected to.
    pub(super) fn permits(&self, address: IpAddr) -> bool {
        networks::is_public(address) || self.allows(address)
    }

    fn allows(&self, address: IpAddr) -> bool {
        let embedded = match address {
            IpAddr::V6(address) => networks::embedded(address).map(IpAddr::V4),
            IpAddr::V4(_) => None,
        };
        let listed = |address: IpAddr| self.allowed.iter().any(|net| net.contains(&address));
        listed(address) || embedded.is_some_and(listed)
    }

    /// Refuses what can be refused before a name is resolved.
    pub(super) fn check(&self, url: &Url) -> Result<(), OutboundError> {
        match url.scheme() {
            "https" => {}
            "http" if self.allow_http => {}
            scheme => {
                return Err(OutboundError::Scheme {
                    scheme: scheme.to_owned(),
                    http: self.allow_http,
                });
            }
        }
        // An address in a URL is not resolved, and so the resolver does not see it. The URL's parser
        // has read it as the connection will, be it written 2130706433 or 0x7f.1.
        let address: IpAddr = match url.host() {
            Some(Host::Ipv4(address)) => address.into(),
            Some(Host::Ipv6(address)) => address.into(),
            Some(Host::Domain(_)) => return Ok(()),
            None => return Err(OutboundError::Invalid("it has no host".to_owned())),
        };
        if self.permits(address) {
            Ok(())
        } else {
            Err(OutboundError::Address {
                host: address.to_string(),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(allow_http: bool, networks: &[&str]) -> Guard {
        Guard::new(&Settings {
            allow_http,
            allowed_networks: networks.iter().map(|net| (*net).to_owned()).collect(),
            ..Settings::default()
        })
    }

    #[test]
    fn addresses_are_seen_through_every_spelling() {
        let guard = guard(true, &[]);
        for url in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://127.1/",
            "http://0/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:a9fe:a9fe]/latest/meta-data",
            "http://[64:ff9b::169.254.169.254]/",
            "http://[2002:7f00:1::]/",
            "http://１２７.0.0.1/",
            "http://user:password@10.0.0.1:8080/",
        ] {
            let refused = guard.check(&url.parse().unwrap());
            assert!(
                matches!(refused, Err(OutboundError::Address { .. })),
                "{url}: {refused:?}"
            );
        }
        guard.check(&"http://1.1.1.1/".parse().unwrap()).unwrap();
    }

    #[test]
    fn schemes_are_few() {
        let url = |text: &str| text.parse::<Url>().unwrap();
        for scheme in ["http", "ftp", "file", "gopher", "data"] {
            let refused = guard(false, &[]).check(&url(&format!("{scheme}://example.com/a")));
            assert!(
                matches!(refused, Err(OutboundError::Scheme { .. })),
                "{scheme}"
            );
        }
        guard(true, &[]).check(&url("http://example.com/")).unwrap();
        guard(false, &[])
            .check(&url("https://example.com/"))
            .unwrap();
    }

    #[test]
    fn networks_can_be_allowed_and_no_others_with_them() {
        let guard = guard(true, &["127.0.0.0/8", "fd00::/8", "10.1.2.3"]);
        for (address, permitted) in [
            ("127.0.0.1", true),
            ("::ffff:127.0.0.1", true),
            ("fd00::1", true),
            ("10.1.2.3", true),
            ("10.1.2.4", false),
            ("::1", false),
            ("169.254.169.254", false),
        ] {
            assert_eq!(
                guard.permits(address.parse().unwrap()),
                permitted,
                "{address}"
            );
        }
    }
}
