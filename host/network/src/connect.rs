//! How a connection comes about: checked name, pinned address, TLS, all within one time.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use tower_service::Service;

use crate::resolve::Checked;
use crate::{Phase, Refusal};

type Error = Box<dyn std::error::Error + Send + Sync>;
type Https = HttpsConnector<HttpConnector<Checked>>;

/// Connects within the limit or not at all.
#[derive(Clone)]
pub(crate) struct Connector {
    inner: Https,
    limit: Duration,
}

impl Connector {
    pub(crate) fn new(
        checked: Checked,
        roots: Vec<CertificateDer<'static>>,
        limit: Duration,
    ) -> Result<Self, rustls::Error> {
        let mut http = HttpConnector::new_with_resolver(checked);
        http.enforce_http(false);
        http.set_nodelay(true);
        // Shared among the addresses of a name, so that a silent one leaves time for the next.
        http.set_connect_timeout(Some(limit));
        let inner = HttpsConnectorBuilder::new()
            .with_tls_config(tls(roots)?)
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(http);
        Ok(Self { inner, limit })
    }
}

fn tls(own: Vec<CertificateDer<'static>>) -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for root in own {
        roots.add(root)?;
    }
    Ok(ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

impl Service<Uri> for Connector {
    type Response = <Https as Service<Uri>>::Response;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let limit = self.limit;
        let connecting = tokio::time::timeout(limit, self.inner.call(to));
        Box::pin(async move {
            connecting.await.unwrap_or_else(|_| Err(Refusal::Timeout { phase: Phase::Connect, limit }.into()))
        })
    }
}
