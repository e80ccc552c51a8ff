//! Whom to trust: the public authorities as Mozilla lists them, built in, so that neither a file of
//! the system nor the network is needed; and those that the settings add.

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, pem::PemObject as _},
};

use super::OutboundError;

/// Makes ring the provider of TLS for whoever in this process asks for one without naming it, as
/// other users of the same HTTP client do.
pub fn provide() {
    if CryptoProvider::get_default().is_none() {
        // Somebody else was faster, which is as good.
        let _ = ring::default_provider().install_default();
    }
}

/// A configuration that trusts them.
pub(super) fn config(ca_file: Option<&Path>) -> Result<ClientConfig, OutboundError> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    if let Some(path) = ca_file {
        add(&mut roots, path).map_err(|reason| OutboundError::Certificates {
            path: path.to_owned(),
            reason,
        })?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| OutboundError::Setup(error.to_string()))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

fn add(roots: &mut RootCertStore, path: &Path) -> Result<(), String> {
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| error.to_string())?;
    let before = roots.len();
    for certificate in certificates {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.len() == before {
        return Err("it holds no certificate".to_owned());
    }
    Ok(())
}
