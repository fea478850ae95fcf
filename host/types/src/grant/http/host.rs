use std::net::IpAddr;
use std::str::FromStr;

use url::Host;

use crate::ScopeFault;
use crate::grant::error::shown;

/// The one name that means this machine everywhere, as an address does.
const LOCALHOST: &str = "localhost";

/// Which hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum HostScope {
    /// Every name but `localhost`.
    Any,
    /// Every name that ends with this, which begins with a dot, and is longer.
    Below(String),
    /// This name.
    Name(String),
    /// This address.
    Address(IpAddr),
}

impl HostScope {
    pub(super) fn matches(&self, host: &Host<&str>) -> bool {
        match (self, host) {
            (Self::Any, Host::Domain(name)) => *name != LOCALHOST,
            (Self::Below(suffix), Host::Domain(name)) => is_below(name, suffix),
            (Self::Name(own), Host::Domain(name)) => own == name,
            (Self::Address(IpAddr::V4(own)), Host::Ipv4(address)) => own == address,
            (Self::Address(IpAddr::V6(own)), Host::Ipv6(address)) => own == address,
            _ => false,
        }
    }

    pub(super) fn is_address(&self) -> bool {
        match self {
            Self::Address(_) => true,
            Self::Name(name) => name == LOCALHOST,
            Self::Any | Self::Below(_) => false,
        }
    }

    pub(super) fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, other) => !other.is_address(),
            (Self::Below(suffix), Self::Name(name)) => is_below(name, suffix),
            (Self::Below(suffix), Self::Below(inner)) => inner == suffix || is_below(inner, suffix),
            _ => self == other,
        }
    }
}

fn is_below(name: &str, suffix: &str) -> bool {
    name.strip_suffix(suffix).is_some_and(|labels| !labels.is_empty())
}

impl FromStr for HostScope {
    type Err = ScopeFault;

    fn from_str(text: &str) -> Result<Self, ScopeFault> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let (wildcard, name) = text.strip_prefix("*.").map_or((false, text), |name| (true, name));
        let wrong = || ScopeFault::Host(shown(text));
        // The parser decodes `%61`, which nobody writes who wants to be understood.
        if name.contains('%') {
            return Err(wrong());
        }
        match Host::parse(name).map_err(|_| wrong())? {
            Host::Domain(name) if !is_plain(&name) => Err(wrong()),
            Host::Domain(name) if wildcard => Ok(Self::Below(format!(".{name}"))),
            Host::Domain(name) => Ok(Self::Name(name)),
            _ if wildcard => Err(wrong()),
            // One address has many forms, of which a reader recognises one.
            ref address if address.to_string() != name => Err(ScopeFault::HostForm(address.to_string())),
            Host::Ipv4(address) => Ok(Self::Address(address.into())),
            Host::Ipv6(address) => Ok(Self::Address(address.into())),
        }
    }
}

/// Labels of letters, digits, `-` and `_`, none of them empty; so no pattern, and no dot at the end.
fn is_plain(name: &str) -> bool {
    name.split('.').all(|label| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    })
}
