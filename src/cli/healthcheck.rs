//! `diarist healthcheck`: for containers, which have no curl.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::config::Settings;

/// For the connection and for each read and write.
const TIMEOUT: Duration = Duration::from_secs(5);
/// A status line is never longer.
const MAX_STATUS_LINE_BYTES: u64 = 1024;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The server, as in `http://127.0.0.1:8080` [default: where the settings say it listens]
    url: Option<String>,
}

/// Fails unless the server answers `GET /readyz` with 200.
pub(super) fn run(args: &Args, settings: &Settings) -> anyhow::Result<()> {
    let authority = match &args.url {
        Some(url) => authority(url)?,
        None => local(settings.listen).to_string(),
    };
    let status_line =
        readyz(&authority).with_context(|| format!("http://{authority}/readyz does not answer"))?;
    match status_line.split(' ').nth(1) {
        Some("200") => Ok(()),
        _ => bail!("http://{authority}/readyz is not ready: {status_line}"),
    }
}

/// `host:port` of a URL; paths are not wanted, the path asked for is always `/readyz`.
fn authority(url: &str) -> anyhow::Result<String> {
    let rest = url
        .strip_prefix("http://")
        .with_context(|| format!("the address must begin with http://; given: {url}"))?;
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    if authority.is_empty() || authority.contains(['/', '?', '#', '@']) {
        bail!("the address must be http://HOST:PORT and nothing more; given: {url}");
    }
    let has_port = authority
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    Ok(if has_port {
        authority.to_owned()
    } else {
        format!("{authority}:80")
    })
}

/// A server that listens on every address is asked on the loopback one.
fn local(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// The status line of `GET /readyz`: all of HTTP that this needs.
fn readyz(authority: &str) -> anyhow::Result<String> {
    let mut failure = None;
    for address in authority.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, TIMEOUT) {
            Ok(stream) => return ask(stream, authority),
            Err(error) => failure = Some(error),
        }
    }
    match failure {
        Some(error) => Err(error.into()),
        None => bail!("{authority} has no address"),
    }
}

fn ask(mut stream: TcpStream, authority: &str) -> anyhow::Result<String> {
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    // One write: a server that answers early and closes must not find us in the middle of it.
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut line = String::new();
    BufReader::new(stream.take(MAX_STATUS_LINE_BYTES)).read_line(&mut line)?;
    let line = line.trim_end();
    if !line.starts_with("HTTP/1.") {
        bail!("the answer is no HTTP: {line:?}");
    }
    Ok(line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_perhaps_a_port() {
        assert_eq!(authority("http://a:8080/").unwrap(), "a:8080");
        assert_eq!(authority("http://[::1]").unwrap(), "[::1]:80");
        assert!(authority("https://a").is_err());
        assert!(authority("http://a/readyz").is_err());
    }

    #[test]
    fn every_address_means_loopback() {
        assert_eq!(
            local("0.0.0.0:8".parse().unwrap()).to_string(),
            "127.0.0.1:8"
        );
        assert_eq!(local("[::]:8".parse().unwrap()).to_string(), "[::1]:8");
        assert_eq!(
            local("10.0.0.1:8".parse().unwrap()).to_string(),
            "10.0.0.1:8"
        );
    }
}
