//! Resolving names to addresses that were looked at.

use std::{io, net::SocketAddr, sync::Arc};

use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::{OutboundError, guard::Guard};

/// How a name is looked up: the system's way, or a test's.
pub(super) type Lookup =
    dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync;

/// The system's way.
pub(super) fn system() -> Arc<Lookup> {
    Arc::new(|host| {
        Box::pin(async move {
            // The port is the URL's; the client puts it in.
            Ok(tokio::net::lookup_host((host, 0)).await?.collect())
        })
    })
}

/// Looks a name up once and gives the addresses that may be connected to. The client connects to
/// these and asks nobody again, so that an answer which changes between two looks changes nothing.
pub(super) struct Resolver {
    pub(super) guard: Guard,
    pub(super) lookup: Arc<Lookup>,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.guard.clone();
        let host = name.as_str().to_owned();
        let found = (self.lookup)(host.clone());
        Box::pin(async move {
            let mut addresses = found.await?;
            addresses.retain(|address| guard.permits(address.ip()));
            if addresses.is_empty() {
                return Err(OutboundError::Address { host }.into());
            }
            let addresses: Addrs = Box::new(addresses.into_iter());
            Ok(addresses)
        })
    }
}
