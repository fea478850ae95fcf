//! Secrets that skills use and never see.
//!
//! Contract: a secret goes into a request only if the sender's grants hold `secrets.use NAME`, the target is one of the
//! secret's hosts, and nobody on the way can read it: over https, or to this machine where the request's grant names it.
//! It replaces whatever the guest wrote into that header. Its value is in no error and no `Debug`.
//! Price: one match per configured secret and request.

use std::fmt;

use http::header::{ACCEPT_ENCODING, HeaderMap, HeaderName, HeaderValue, IF_RANGE, RANGE};
use secrecy::{ExposeSecret as _, SecretString};
use skillhost_redaction::{RedactionError, Redactor};
use skillhost_types::{Capability, Grants, HttpScope, Scheme, ScopeFault};

use crate::{Target, headers};

/// Where the value stands in a header's template.
const PLACE: &str = "{}";

/// A value that the host adds to requests.
pub struct Secret {
    name: String,
    value: SecretString,
    hosts: Vec<HttpScope>,
    header: HeaderName,
    /// The whole header with the value in it, marked as sensitive.
    filled: HeaderValue,
}

/// Why a secret cannot be used. Names it, never its value.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// A host that is no scope of `http.request`.
    #[error("secret `{name}`: host `{host}`: {source}")]
    Host {
        /// Which secret.
        name: String,
        /// Which host.
        host: String,
        /// What is wrong with it.
        source: ScopeFault,
    },
    /// A host that is everybody, or hears the secret in the clear.
    #[error("secret `{name}`: host `{host}` would hand it to anybody: name the hosts, as https://api.example.com")]
    Anybody {
        /// Which secret.
        name: String,
        /// Which host.
        host: String,
    },
    /// No host at all.
    #[error("secret `{name}` has no hosts: name those it may go to, as https://api.example.com")]
    NoHosts {
        /// Which secret.
        name: String,
    },
    /// A header that is none, or the host's own.
    #[error(
        "secret `{name}`: header `{header}` is no `Name: value` with one {PLACE} for the secret, as `Authorization: Bearer {PLACE}`"
    )]
    Header {
        /// Which secret.
        name: String,
        /// The template.
        header: String,
    },
    /// A value that no header can hold.
    #[error(
        "secret `{name}` holds a line break or another character that no header can: check where its value comes from"
    )]
    Value {
        /// Which secret.
        name: String,
    },
    /// A value that cannot be kept out of texts.
    #[error(transparent)]
    Redaction(#[from] RedactionError),
}

impl Secret {
    /// A secret for `hosts` (scopes of `http.request`), put for `{}` into `header` (`Authorization: Bearer {}`).
    pub fn new(name: &str, value: SecretString, hosts: &[String], header: &str) -> Result<Self, SecretError> {
        if hosts.is_empty() {
            return Err(SecretError::NoHosts { name: name.to_owned() });
        }
        let hosts = hosts.iter().map(|host| parse_host(name, host)).collect::<Result<_, _>>()?;
        let wrong_header = || SecretError::Header { name: name.to_owned(), header: header.to_owned() };
        let (header_name, template) = header.split_once(':').ok_or_else(wrong_header)?;
        let header_name: HeaderName = header_name.trim().parse().map_err(|_| wrong_header())?;
        let (before, after) = template.trim().split_once(PLACE).ok_or_else(wrong_header)?;
        if after.contains(PLACE) || headers::is_the_hosts(&header_name) {
            return Err(wrong_header());
        }
        // Blanks at the ends are what files and shells leave behind.
        let filled = SecretString::from(format!("{before}{}{after}", value.expose_secret().trim()));
        let mut filled =
            HeaderValue::from_str(filled.expose_secret()).map_err(|_| SecretError::Value { name: name.to_owned() })?;
        filled.set_sensitive(true);
        Ok(Self { name: name.to_owned(), value, hosts, header: header_name, filled })
    }
}

fn parse_host(name: &str, host: &str) -> Result<HttpScope, SecretError> {
    let scope: HttpScope =
        host.parse().map_err(|source| SecretError::Host { name: name.to_owned(), host: host.to_owned(), source })?;
    let (scheme, authority) = host.split_once("://").unwrap_or_default();
    let everybody = authority.is_empty() || (authority.starts_with('*') && !authority.starts_with("*."));
    if everybody || (!scheme.ends_with("https") && !scope.names_address()) {
        return Err(SecretError::Anybody { name: name.to_owned(), host: host.to_owned() });
    }
    Ok(scope)
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret")
            .field("name", &self.name)
            .field("hosts", &self.hosts)
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

/// All secrets, and what keeps them from coming back.
#[derive(Debug, Default)]
pub(crate) struct Secrets {
    all: Vec<Secret>,
    redactor: Redactor,
}

impl Secrets {
    pub(crate) fn new(all: Vec<Secret>) -> Result<Self, SecretError> {
        let redactor = Redactor::new(all.iter().map(|secret| (secret.name.clone(), secret.value.clone())))?;
        Ok(Self { all, redactor })
    }

    /// What scrubs answers.
    pub(crate) fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// Is there nothing to look for?
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Adds what belongs into a request that `scope` let through. Did it add anything?
    pub(crate) fn inject(&self, target: &Target, scope: &HttpScope, grants: &Grants, headers: &mut HeaderMap) -> bool {
        let unheard = target.scheme() == Scheme::Https || (target.is_loopback() && scope.names_address());
        let mut added = false;
        // Backwards, so that of two for one header the first stays.
        for secret in self.all.iter().rev() {
            let goes = unheard
                && secret.hosts.iter().any(|host| host.allows(&target.as_granted()))
                && grants.allows(Capability::SecretsUse, &secret.name);
            if goes {
                headers.insert(secret.header.clone(), secret.filled.clone());
                added = true;
            }
        }
        if added {
            // An echo in a packed answer could not be recognised.
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
            // Nor one that comes in parts.
            headers.remove(RANGE);
            headers.remove(IF_RANGE);
        }
        added
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

    use http::Method;

    use super::*;

    const VALUE: &str = "EXAMPLE-token-0123456789";

    fn secret(hosts: &[&str], header: &str) -> Result<Secret, SecretError> {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        Secret::new("github", VALUE.into(), &hosts, header)
    }

    fn injected(hosts: &[&str], grants: &[&str], target: (&str, &str)) -> Option<String> {
        let secrets = Secrets::new(vec![secret(hosts, "Authorization: Bearer {}").unwrap()]).unwrap();
        let grants: Grants = grants.iter().map(|grant| grant.parse().unwrap()).collect();
        let target = Target::new(Method::GET, target.0, target.1, "/x").unwrap();
        let mut headers = HeaderMap::new();
        headers.append("authorization", "guest's".parse().unwrap());
        headers.append("authorization", "own".parse().unwrap());
        let scope = grants.allows_http(&target.as_granted()).unwrap();
        secrets.inject(&target, scope, &grants, &mut headers).then(|| {
            assert_eq!(headers.get_all("authorization").iter().count(), 1, "the guest's own is gone");
            assert_eq!(headers.get("accept-encoding").unwrap(), "identity");
            headers.get("authorization").unwrap().to_str().unwrap().to_owned()
        })
    }

    const ALL: &[&str] =
        &["http.request *", "http.request http://localhost:*", "http.request http://127.0.0.1:*", "secrets.use github"];

    #[test]
    fn a_secret_goes_to_its_host_and_replaces_what_the_guest_wrote() {
        let sent = injected(&["https://api.test"], ALL, ("https", "api.test"));
        assert_eq!(sent, Some(format!("Bearer {VALUE}")));
    }

    #[test]
    fn a_secret_does_not_go_to_another_host_port_or_scheme() {
        for target in [
            ("https", "other.test"),
            ("https", "api.test:8443"),
            ("http", "api.test"),
            ("https", "api.test.evil.test"),
            ("https", "xapi.test"),
            ("http", "api.test:443"),
        ] {
            assert_eq!(injected(&["https://api.test"], ALL, target), None, "{target:?}");
        }
    }

    #[test]
    fn a_secret_does_not_go_without_the_grant() {
        for grants in [&["http.request *"][..], &["http.request *", "secrets.use gitlab"]] {
            assert_eq!(injected(&["https://api.test"], grants, ("https", "api.test")), None, "{grants:?}");
        }
    }

    #[test]
    fn a_secret_goes_over_plain_http_to_this_machine_only() {
        for (host, authority) in [("http://localhost:80", "localhost"), ("http://127.0.0.1:8080", "127.0.0.1:8080")] {
            assert!(injected(&[host], ALL, ("http", authority)).is_some(), "{host}");
        }
        let grants = ["http.request http://10.0.0.1", "secrets.use github"];
        assert_eq!(injected(&["http://10.0.0.1"], &grants, ("http", "10.0.0.1")), None);
    }

    #[test]
    fn a_secret_for_everybody_or_in_the_clear_is_refused() {
        for host in
            ["*", "https://*", "https://*:8443/x", "http://api.test", "http://*.api.test", "GET http://api.test"]
        {
            let error = secret(&[host], "Authorization: Bearer {}").unwrap_err();
            assert!(matches!(error, SecretError::Anybody { .. }), "{host}: {error}");
        }
        assert!(matches!(secret(&["ftp://x"], "A: {}").unwrap_err(), SecretError::Host { .. }));
        assert!(matches!(secret(&[], "A: {}").unwrap_err(), SecretError::NoHosts { .. }));
    }

    #[test]
    fn a_header_that_is_none_or_the_hosts_own_is_refused() {
        for header in [
            "Authorization",
            "Authorization: Bearer",
            "A: {} {}",
            "A B: {}",
            ": {}",
            "Host: {}",
            "Content-Length: {}",
            "Connection: {}",
        ] {
            let error = secret(&["https://api.test"], header).unwrap_err();
            assert!(matches!(error, SecretError::Header { .. }), "{header}: {error}");
        }
    }

    #[test]
    fn a_value_with_a_line_break_is_refused_and_blanks_at_its_ends_are_not_its_own() {
        let hosts = ["https://api.test".to_owned()];
        let error = Secret::new("x", "EXAMPLE\r\nX: 1".into(), &hosts, "A: {}").unwrap_err();
        assert!(matches!(error, SecretError::Value { .. }));
        assert!(!error.to_string().contains("EXAMPLE"));
        let secret = Secret::new("x", "EXAMPLE\n".into(), &hosts, "A: {}").unwrap();
        assert_eq!(secret.filled, "EXAMPLE");
    }

    #[test]
    fn no_debug_shows_a_secret() {
        let secret = secret(&["https://api.test"], "Authorization: Bearer {}").unwrap();
        assert!(!format!("{secret:?} {secret:#?}").contains("EXAMPLE"));
        let secrets = Secrets::new(vec![secret]).unwrap();
        assert!(!format!("{secrets:?} {secrets:#?}").contains("EXAMPLE"));
    }
}
