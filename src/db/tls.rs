//! The TLS side of a connection: own trust anchors, the server's name checked, TLS 1.2 or newer. There is no switch to
//! weaken it. It must not know which database is behind it.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::{Error, Result, why};

/// A connector that trusts the authorities in the PEM file `ca` and nothing else (RFC 5280 path, RFC 9525 name check).
pub(super) fn connector(ca: &Path) -> Result<MakeRustlsConnect> {
    let shown = ca.display();
    let pem = std::fs::read(ca).map_err(|cause| {
        Error::database(format!("the certificate authority {shown} cannot be read: {}", why(cause.kind())))
            .with_hint("without it the server cannot prove who it is, and genogate does not connect")
            .with_source(cause)
    })?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let unusable = || Error::database(format!("the certificate authority {shown} is not a usable PEM certificate"));
        roots.add(certificate.map_err(|_| unusable())?).map_err(|_| unusable())?;
    }
    if roots.is_empty() {
        return Err(Error::database(format!("the certificate authority {shown} holds no PEM certificate")));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|cause| Error::internal("the TLS provider offers neither TLS 1.2 nor 1.3").with_source(cause))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}
