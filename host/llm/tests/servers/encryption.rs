use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use skillhost_llm::Router;

use crate::support::*;

#[tokio::test]
async fn an_authority_of_ones_own_is_trusted_only_if_it_is_named() {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let server = server.with_no_client_auth();
    let server = server.with_single_cert(vec![certificate.der().clone()], key.into()).unwrap();
    let server = Server::encrypted(Dialect::OpenAi, Act::Say(vec!["Hello"]), server).await;
    let url = format!("https://localhost:{}/v1", server.address.port());

    let host = Host::of(&[("p", "openai", url.clone())]);
    let error = host.complete().await.unwrap_err().to_string();
    assert!(error.contains("no connection") && error.contains("certificate"), "{error}");

    let mut options = options(&host.watch, &[("KEY", KEY)]);
    options.roots = vec![authority.der().clone()];
    let router = Router::new(config(&[("p", "openai", url)], |_| {}), options).unwrap();
    assert_eq!(router.complete(&hello(), &host.ask()).await.unwrap().text, "Hello");
}
