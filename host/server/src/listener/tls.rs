//! TLS, with the certificate and the key of the configuration.
//!
//! Contract: both files are read once, at the start, and what is wrong with either is said with its key; clients show no
//! certificate. HTTP/2 goes before HTTP/1.1.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use skillhost_lifecycle::TlsConfig;
use tokio_rustls::TlsAcceptor;

use crate::listener::ServeError;

/// What of HTTP is spoken, the better first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// What shakes hands. Reads both files, once.
pub(crate) fn acceptor(tls: &TlsConfig) -> Result<TlsAcceptor, ServeError> {
    let failed = |key, path: &Path, error: &dyn std::fmt::Display| ServeError::Tls {
        key,
        path: path.to_owned(),
        error: error.to_string(),
        remedy: match key {
            "cert" => "it is to be a PEM file with the certificate and then those that it was signed with",
            _ => "it is to be a PEM file with the certificate's private key, without a password",
        },
    };
    let not_cert = |error: &dyn std::fmt::Display| failed("cert", &tls.cert, error);
    let not_key = |error: &dyn std::fmt::Display| failed("key", &tls.key, error);
    let chain = CertificateDer::pem_file_iter(&tls.cert).map_err(|error| not_cert(&error))?;
    let chain = chain.collect::<Result<Vec<_>, _>>().map_err(|error| not_cert(&error))?;
    if chain.is_empty() {
        return Err(not_cert(&"there is no certificate in it"));
    }
    let key = PrivateKeyDer::from_pem_file(&tls.key).map_err(|error| not_key(&error))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| not_key(&error))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| not_key(&error))?;
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    Ok(TlsAcceptor::from(Arc::new(config)))
}
