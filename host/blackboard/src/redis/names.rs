use skillhost_types::{Glob, Tenant};

use crate::{BoardError, Channel, Key};

/// Names on Redis: `{prefix}:{name}` of the default tenant, `{prefix}:@{tenant}:{name}` of any other.
pub(super) struct Names {
    prefix: String,
}

impl Names {
    pub(super) fn new(prefix: &str) -> Result<Self, BoardError> {
        // What may begin a key may be its prefix.
        Key::new(prefix).map_err(|error| BoardError::Invalid(format!("`blackboard.keyspace_prefix`: {error}")))?;
        Ok(Self { prefix: prefix.to_owned() })
    }

    fn space(&self, tenant: &Tenant) -> String {
        if *tenant == Tenant::default() {
            format!("{}:", self.prefix)
        } else {
            format!("{}:@{}:", self.prefix, tenant.as_str())
        }
    }

    /// The name of a key or a channel.
    pub(super) fn of(&self, tenant: &Tenant, name: &str) -> String {
        self.space(tenant) + name
    }

    /// The pattern for names that match `pattern`. What it matches of other tenants, [`Names::key`] and [`Names::channel`]
    /// leave out.
    pub(super) fn pattern(&self, tenant: &Tenant, pattern: &str) -> String {
        Glob::escape(&self.space(tenant)) + pattern
    }

    /// Whose pattern [`Names::pattern`] made, and what it is there.
    pub(super) fn owner<'a>(&self, pattern: &'a str) -> Option<(Tenant, &'a str)> {
        let own = pattern.strip_prefix(&Glob::escape(&self.space(&Tenant::default())))?;
        match own.strip_prefix('@').and_then(|marked| marked.split_once(':')) {
            // Of the default tenant it matches no channel, so it is the other one's.
            Some((tenant, own)) => Some((Tenant::new(tenant).ok()?, own)),
            None => Some((Tenant::default(), own)),
        }
    }

    /// The key with that name; none: it is another's, the host's own, or no key that a skill can name.
    pub(super) fn key(&self, tenant: &Tenant, name: &[u8]) -> Option<Key> {
        Key::new(std::str::from_utf8(name).ok()?.strip_prefix(&self.space(tenant))?).ok()
    }

    /// The channel with that name; none: it is another's.
    pub(super) fn channel(&self, tenant: &Tenant, name: &[u8]) -> Option<Channel> {
        Channel::new(std::str::from_utf8(name).ok()?.strip_prefix(&self.space(tenant))?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_tenants_names_are_plain_and_the_others_are_marked() {
        let names = Names::new("tim*my").unwrap();
        let (own, other) = (Tenant::default(), Tenant::new("other").unwrap());
        assert_eq!(names.of(&own, "a:b"), "tim*my:a:b");
        assert_eq!(names.of(&other, "a:b"), "tim*my:@other:a:b");
        assert_eq!(names.pattern(&own, "a*"), r"tim\*my:a*");
        for (tenant, pattern) in [(&own, "a*:b"), (&other, "a*:b"), (&other, "*")] {
            assert_eq!(names.owner(&names.pattern(tenant, pattern)), Some((tenant.clone(), pattern)));
        }
        assert_eq!(names.key(&own, b"tim*my:a"), Key::new("a").ok());
        for foreign in [&b"tim*my:@other:a"[..], b"tim*my:@:lease", b"x:a", b"tim*my:", b"tim*my:\xff", b"tim*my:a b"] {
            assert_eq!(names.key(&own, foreign), None);
        }
        assert_eq!(names.key(&other, b"tim*my:@other:a"), Key::new("a").ok());
        assert_eq!(names.key(&other, b"tim*my:@other:@:lease"), None);
        assert!(Names::new("").is_err());
        assert!(Names::new("@x").is_err());
    }
}
