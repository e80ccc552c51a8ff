//! How often who may ask: counters in fixed windows of a minute, in this process's memory.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::http::{HeaderName, HeaderValue, Method, Response};

use super::Settings;
use crate::{
    domain::KeyId,
    http::error::{ApiError, Code},
};

const WINDOW: Duration = Duration::from_mins(1);

/// Addresses that are counted one by one in a window; all further ones share a counter, so that
/// memory stays bounded however many come. Keys are few and always have their own.
const MAX_ADDRESSES: usize = 10_000;

/// pyannoteAI's headers.
pub(crate) const HEADERS: [HeaderName; 3] = [
    HeaderName::from_static("x-ratelimit-limit"),
    HeaderName::from_static("x-ratelimit-remaining"),
    HeaderName::from_static("x-ratelimit-reset"),
];

/// The same as they are documented.
pub(super) const NAMES: [&str; 3] = [
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
];

/// Whose requests are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Client {
    /// Those with this key.
    Key(KeyId),
    /// Those from this address or, in IPv6, from its network of 64 bits, which is what a
    /// subscriber gets.
    Address(IpAddr),
}

impl Client {
    pub(crate) fn at(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
            }
        })
    }
}

impl std::fmt::Display for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Key(id) => id.fmt(f),
            Self::Address(address) => address.fmt(f),
        }
    }
}

/// Where a client stands after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    limit: u32,
    remaining: u32,
    reset_seconds: u64,
    allowed: bool,
}

#[derive(Debug, Default)]
struct Counts {
    window: u64,
    addresses: usize,
    /// Reads and writes.
    by_client: HashMap<Client, [u32; 2]>,
    others: [u32; 2],
}

/// The counters.
#[derive(Debug)]
pub(crate) struct Limiter {
    /// Requests a minute, for reads and for writes; 0 for no limit.
    limits: [u32; 2],
    /// Windows are counted from here: a clock that nobody steps.
    start: Instant,
    counts: Mutex<Counts>,
}

impl Limiter {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            limits: [settings.reads_per_minute, settings.writes_per_minute],
            start: Instant::now(),
            counts: Mutex::default(),
        }
    }

    /// Counts a request now; `None` where there is no limit.
    pub(crate) fn count(&self, client: Client, method: &Method) -> Option<Standing> {
        self.count_after(self.start.elapsed(), client, method)
    }

    fn count_after(&self, elapsed: Duration, client: Client, method: &Method) -> Option<Standing> {
        let kind = usize::from(!method.is_safe());
        let limit = self.limits[kind];
        if limit == 0 {
            return None;
        }
        let window = elapsed.as_secs() / WINDOW.as_secs();
        let reset_seconds = WINDOW.as_secs() - elapsed.as_secs() % WINDOW.as_secs();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.window != window {
            *counts = Counts {
                window,
                ..Counts::default()
            };
        }
        let count = &mut counts.counter(client)[kind];
        let allowed = *count < limit;
        if allowed {
            *count += 1;
        }
        Some(Standing {
            limit,
            remaining: limit - *count,
            reset_seconds,
            allowed,
        })
    }
}

impl Counts {
    fn counter(&mut self, client: Client) -> &mut [u32; 2] {
        if let Client::Address(_) = client
            && !self.by_client.contains_key(&client)
        {
            if self.addresses == MAX_ADDRESSES {
                return &mut self.others;
            }
            self.addresses += 1;
        }
        self.by_client.entry(client).or_default()
    }
}

impl Standing {
    /// # Errors
    /// When the client has asked too often.
    pub(crate) fn check(&self) -> Result<(), ApiError> {
        if self.allowed {
            return Ok(());
        }
        let detail = format!(
            "at most {} requests of this kind a minute; the next one in {} seconds",
            self.limit, self.reset_seconds
        );
        Err(ApiError::new(Code::RateLimited, detail).retry_after(self.reset_seconds))
    }

    /// Tells the client where it stands.
    pub(crate) fn tell<B>(&self, response: &mut Response<B>) {
        let values = [
            u64::from(self.limit),
            u64::from(self.remaining),
            self.reset_seconds,
        ];
        for (name, value) in HEADERS.into_iter().zip(values) {
            response
                .headers_mut()
                .insert(name, HeaderValue::from(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::access::Auth;

    fn limiter() -> Limiter {
        Limiter::new(&Settings {
            auth: Auth::Off,
            reads_per_minute: 3,
            writes_per_minute: 1,
            ..Settings::default()
        })
    }

    fn address(number: u32) -> Client {
        Client::at(IpAddr::V4(number.into()))
    }

    #[test]
    fn a_window_lasts_a_minute_and_is_everybodys_own() {
        let limiter = limiter();
        let ask = |seconds, client, method: &Method| {
            let elapsed = Duration::from_secs(seconds);
            let standing = limiter.count_after(elapsed, client, method).unwrap();
            (standing.allowed, standing.remaining, standing.reset_seconds)
        };
        let (one, other) = (address(1), address(2));
        assert_eq!(ask(0, one, &Method::GET), (true, 2, 60));
        assert_eq!(ask(1, one, &Method::HEAD), (true, 1, 59));
        assert_eq!(ask(30, one, &Method::POST), (true, 0, 30));
        assert_eq!(ask(31, one, &Method::DELETE), (false, 0, 29));
        assert_eq!(ask(31, other, &Method::POST), (true, 0, 29));
        assert_eq!(ask(59, one, &Method::GET), (true, 0, 1));
        assert_eq!(ask(59, one, &Method::GET), (false, 0, 1));
        assert_eq!(ask(60, one, &Method::GET), (true, 2, 60));
        assert_eq!(ask(60, one, &Method::POST), (true, 0, 60));
    }

    #[test]
    fn without_a_limit_nothing_is_counted() {
        let limiter = Limiter::new(&Settings::default());
        assert_eq!(limiter.count(address(1), &Method::POST), None);
        assert!(limiter.counts.lock().unwrap().by_client.is_empty());
    }

    #[test]
    fn memory_is_bounded_however_many_clients_come() {
        let limiter = limiter();
        for number in 0..50_000 {
            limiter.count(address(number), &Method::GET);
        }
        let counts = limiter.counts.lock().unwrap();
        assert_eq!(counts.by_client.len(), MAX_ADDRESSES);
        drop(counts);
        // The newcomers share what is left, those that came before and those with keys do not.
        let standing = |client| limiter.count(client, &Method::GET).unwrap().allowed;
        assert!(!standing(address(60_000)));
        assert!(standing(address(5)));
        assert!(standing(Client::Key(KeyId::generate())));
    }

    #[test]
    fn a_network_of_64_bits_is_one_client() {
        let at = |text: &str| Client::at(text.parse().unwrap());
        assert_eq!(at("2001:db8::1"), at("2001:db8::ffff:1"));
        assert_ne!(at("2001:db8::1"), at("2001:db8:0:1::1"));
        assert_eq!(at("::ffff:1.2.3.4"), at("1.2.3.4"));
    }
}
