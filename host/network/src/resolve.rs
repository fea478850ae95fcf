//! From a name to addresses that were checked, for each connection anew.
//!
//! Contract: of a name's addresses either all are public or none is used, so that no answer mixes a private one in.
//! What is handed on is what is connected to. `localhost` is the loopback addresses without anybody being asked.
//! Bounded in time, in addresses and in lookups at once. Price: one lookup per new connection, none per request.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::client::legacy::connect::dns::Name;
use tokio::sync::Semaphore;
use tower_service::Service;

use crate::limits::{MAX_ADDRESSES, MAX_LOOKUPS};
use crate::{Phase, Refusal, not_public};

/// Finds the addresses of names. Answers are not trusted: the caller checks them.
#[async_trait::async_trait]
pub trait Resolve: Send + Sync + 'static {
    /// All addresses of `name`, best first.
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The machine's own resolver.
#[derive(Debug)]
pub struct SystemResolver {
    lookups: Arc<Semaphore>,
}

impl Default for SystemResolver {
    fn default() -> Self {
        Self { lookups: Arc::new(Semaphore::new(MAX_LOOKUPS)) }
    }
}

#[async_trait::async_trait]
impl Resolve for SystemResolver {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let lookup = self.lookups.clone().acquire_owned().await.map_err(io::Error::other)?;
        let name = name.to_owned();
        // Not `lookup_host`: a lookup that its caller gave up goes on, and must count until it ends.
        tokio::task::spawn_blocking(move || {
            let _counted = lookup;
            Ok((name.as_str(), 0).to_socket_addrs()?.map(|found| found.ip()).collect())
        })
        .await?
    }
}

/// The resolver inside the connector: nothing else tells it where to connect.
#[derive(Clone)]
pub(crate) struct Checked {
    resolver: Arc<dyn Resolve>,
    limit: Duration,
    /// Where connections to checked addresses really go, as no test may reach the internet.
    #[cfg(test)]
    pub(crate) rerouted: Option<SocketAddr>,
}

impl Checked {
    pub(crate) fn new(resolver: Arc<dyn Resolve>, limit: Duration) -> Self {
        Self {
            resolver,
            limit,
            #[cfg(test)]
            rerouted: None,
        }
    }

    /// The addresses of `name`, all of them checked.
    pub(crate) async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, Refusal> {
        if name == "localhost" {
            return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
        }
        let mut addresses = tokio::time::timeout(self.limit, self.resolver.resolve(name))
            .await
            .map_err(|_| Refusal::Timeout { phase: Phase::Lookup, limit: self.limit })?
            .map_err(|source| Refusal::Dns { host: name.to_owned(), source: Arc::new(source) })?;
        if addresses.is_empty() {
            return Err(Refusal::NoAddress { host: name.to_owned() });
        }
        for address in &addresses {
            if let Some(kind) = not_public(*address) {
                return Err(Refusal::Address { host: name.to_owned(), address: *address, kind });
            }
        }
        addresses.truncate(MAX_ADDRESSES);
        Ok(addresses)
    }
}

impl Service<Name> for Checked {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Refusal;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Refusal>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let checked = self.clone();
        Box::pin(async move {
            let addresses = checked.addresses(name.as_str()).await?;
            #[cfg(test)]
            if let Some(rerouted) = checked.rerouted {
                return Ok(vec![rerouted].into_iter());
            }
            // Port 0: the connector puts in the request's.
            Ok(addresses.into_iter().map(|address| SocketAddr::new(address, 0)).collect::<Vec<_>>().into_iter())
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;
    use crate::tests::support::Answers;

    const LIMIT: Duration = Duration::from_secs(5);

    fn checked(answers: &[&[&str]]) -> Checked {
        Checked::new(Arc::new(Answers::new(answers)), LIMIT)
    }

    #[tokio::test]
    async fn a_name_that_resolves_to_what_is_not_public_is_refused() {
        for address in [
            "127.0.0.1",
            "10.0.0.1",
            "169.254.1.1",
            "100.64.0.1",
            "169.254.169.254",
            "224.0.0.1",
            "::1",
            "fd00:ec2::254",
            "fe80::1",
            "::ffff:127.0.0.1",
            "2002:7f00:1::",
            "64:ff9b::7f00:1",
            "0.0.0.0",
        ] {
            let refused = checked(&[&[address]]).addresses("evil.test").await.unwrap_err();
            assert!(matches!(refused, Refusal::Address { .. }), "{address}: {refused}");
        }
    }

    #[tokio::test]
    async fn one_private_address_among_public_ones_refuses_the_whole_answer() {
        for answer in [&["1.1.1.1", "10.0.0.1"], &["10.0.0.1", "1.1.1.1"], &["2606:4700::1111", "::1"]] {
            let refused = checked(&[answer]).addresses("evil.test").await.unwrap_err();
            assert!(matches!(refused, Refusal::Address { .. }), "{refused}");
        }
        let mut many = vec!["1.1.1.1"; MAX_ADDRESSES];
        many.push("127.0.0.1");
        assert!(checked(&[&many]).addresses("evil.test").await.is_err());
    }

    #[tokio::test]
    async fn a_name_that_resolves_differently_the_second_time_is_refused_then() {
        let checked = checked(&[&["1.1.1.1"], &["127.0.0.1"]]);
        assert_eq!(checked.addresses("rebind.test").await.unwrap(), ["1.1.1.1".parse::<IpAddr>().unwrap()]);
        assert!(matches!(checked.addresses("rebind.test").await.unwrap_err(), Refusal::Address { .. }));
    }

    #[tokio::test]
    async fn localhost_is_loopback_whatever_the_resolver_says() {
        let addresses = checked(&[&["1.1.1.1"]]).addresses("localhost").await.unwrap();
        assert!(addresses.iter().all(IpAddr::is_loopback));
        assert!(!addresses.is_empty());
    }

    #[tokio::test]
    async fn addresses_beyond_the_limit_are_left_out() {
        let many = vec!["1.1.1.1"; MAX_ADDRESSES * 2];
        assert_eq!(checked(&[&many]).addresses("big.test").await.unwrap().len(), MAX_ADDRESSES);
    }

    #[tokio::test]
    async fn an_answer_without_addresses_and_no_answer_say_so() {
        assert!(matches!(checked(&[&[]]).addresses("none.test").await.unwrap_err(), Refusal::NoAddress { .. }));
        assert!(matches!(checked(&[]).addresses("none.test").await.unwrap_err(), Refusal::Dns { .. }));
    }

    #[tokio::test(start_paused = true)]
    async fn a_lookup_without_end_ends_at_its_limit() {
        let refused = Checked::new(Arc::new(Answers::never()), LIMIT).addresses("slow.test").await.unwrap_err();
        assert!(matches!(refused, Refusal::Timeout { phase: Phase::Lookup, limit: LIMIT }), "{refused}");
    }

    #[tokio::test]
    async fn the_machines_resolver_finds_this_machine() {
        let found = SystemResolver::default().resolve("localhost").await.unwrap();
        assert!(found.iter().any(IpAddr::is_loopback), "{found:?}");
    }
}
