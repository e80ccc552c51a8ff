//! Making the requests.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use reqwest::{
    Client, Method, RequestBuilder, Response, StatusCode, Url,
    header::{CONTENT_LENGTH, HeaderMap, LOCATION},
    redirect::Policy,
};
use tokio::time::{Instant, timeout, timeout_at};

use super::{
    OutboundError, Settings,
    guard::Guard,
    resolver::{Lookup, Resolver, system},
    tls,
};

/// What requests call themselves.
const USER_AGENT: &str = concat!("diarist/", env!("CARGO_PKG_VERSION"));

/// Makes requests to hosts that callers name; cheap to clone.
#[derive(Clone)]
pub struct Outbound {
    client: Client,
    guard: Guard,
    settings: Settings,
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Outbound {
    /// A client that obeys `settings`, which were validated.
    ///
    /// # Errors
    /// When the certificates to trust cannot be read, or the client cannot be set up.
    pub fn new(settings: &Settings) -> Result<Self, OutboundError> {
        Self::with_lookup(settings, system())
    }

    pub(super) fn with_lookup(
        settings: &Settings,
        lookup: Arc<Lookup>,
    ) -> Result<Self, OutboundError> {
        let guard = Guard::new(settings);
        let resolver = Resolver {
            guard: guard.clone(),
            lookup,
        };
        let client = Client::builder()
            .user_agent(USER_AGENT)
            .tls_backend_preconfigured(tls::config(settings.ca_file.as_deref())?)
            .dns_resolver(resolver)
            .redirect(Policy::none())
            // A proxy would connect to addresses that nobody here has looked at.
            .no_proxy()
            // Every request is a connection, and every connection was looked at.
            .pool_max_idle_per_host(0)
            .connect_timeout(Duration::from_secs(settings.connect_seconds))
            .build()
            .map_err(|error| OutboundError::Setup(error.to_string()))?;
        Ok(Self {
            client,
            guard,
            settings: settings.clone(),
        })
    }

    /// Reads a URL and refuses what can be refused at once.
    ///
    /// # Errors
    /// [`OutboundError`] if it is none, or has a scheme or an address that is not allowed.
    pub fn check(&self, url: &str) -> Result<Url, OutboundError> {
        let url: Url = url
            .parse()
            .map_err(|error| OutboundError::Invalid(format!("{error}")))?;
        self.guard.check(&url)?;
        Ok(url)
    }

    /// Starts to download what is at `url`.
    ///
    /// # Errors
    /// [`OutboundError`] if nothing is to be had there.
    pub async fn download(&self, url: &Url) -> Result<Download, OutboundError> {
        let settings = &self.settings;
        let deadline = Instant::now() + Duration::from_secs(settings.download_seconds);
        let idle = Duration::from_secs(settings.idle_seconds);
        let asking = self.follow(Method::GET, url, settings.max_redirects, |request| request);
        let connect = Duration::from_secs(settings.connect_seconds);
        let response = match timeout(connect + idle, asking).await {
            Ok(response) => response?,
            Err(_) => {
                return Err(OutboundError::Timeout {
                    seconds: settings.idle_seconds,
                });
            }
        };
        Ok(Download {
            response,
            deadline,
            idle,
            limit_seconds: settings.download_seconds,
        })
    }

    /// Posts `body` to `url`; anything but a status of success is an error.
    ///
    /// # Errors
    /// [`OutboundError`] if it was not taken within `limit`.
    pub async fn post(
        &self,
        url: &Url,
        headers: &HeaderMap,
        body: Bytes,
        limit: Duration,
        max_redirects: u32,
    ) -> Result<(), OutboundError> {
        let posting = self.follow(Method::POST, url, max_redirects, |request| {
            request.headers(headers.clone()).body(body.clone())
        });
        match timeout(limit, posting).await {
            Ok(response) => response.map(drop),
            Err(_) => Err(OutboundError::Timeout {
                seconds: limit.as_secs(),
            }),
        }
    }

    /// Sends a request and follows redirects; gives the first response that is a success.
    async fn follow(
        &self,
        mut method: Method,
        url: &Url,
        max_redirects: u32,
        finish: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response, OutboundError> {
        let mut url = url.clone();
        let mut redirects = 0;
        loop {
            self.guard.check(&url)?;
            let request = self.client.request(method.clone(), url.clone());
            let request = if method == Method::GET {
                request
            } else {
                finish(request)
            };
            let response = request.send().await;
            let response = response
                .map_err(|error| OutboundError::of(&error, self.settings.connect_seconds))?;
            let status = response.status();
            if status.is_success() {
                return Ok(response);
            }
            let Some(next) = target(&response, &url) else {
                return Err(OutboundError::Status(status.as_u16()));
            };
            if redirects == max_redirects {
                return Err(OutboundError::Redirects {
                    limit: max_redirects,
                });
            }
            redirects += 1;
            if status == StatusCode::SEE_OTHER {
                method = Method::GET;
            }
            url = next;
        }
    }
}

/// Where a response sends the caller, if it does.
fn target(response: &Response, url: &Url) -> Option<Url> {
    let redirects = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let location = response.headers().get(LOCATION).filter(|_| redirects)?;
    url.join(location.to_str().ok()?).ok()
}

/// A download that has begun.
#[derive(Debug)]
pub struct Download {
    response: Response,
    deadline: Instant,
    idle: Duration,
    /// What the deadline allows from the beginning on.
    limit_seconds: u64,
}

impl Download {
    /// How many bytes are to come, by the host's account.
    pub fn announced(&self) -> Option<u64> {
        let length = self.response.headers().get(CONTENT_LENGTH)?;
        length.to_str().ok()?.parse().ok()
    }

    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// [`OutboundError`] if they take too long, or the answer breaks off.
    pub async fn next(&mut self) -> Result<Option<Bytes>, OutboundError> {
        let idle = Instant::now() + self.idle;
        let seconds = if idle < self.deadline {
            self.idle.as_secs()
        } else {
            self.limit_seconds
        };
        match timeout_at(idle.min(self.deadline), self.response.chunk()).await {
            Ok(Ok(bytes)) => Ok(bytes),
            Ok(Err(error)) => Err(OutboundError::of(&error, seconds)),
            Err(_) => Err(OutboundError::Timeout { seconds }),
        }
    }
}
