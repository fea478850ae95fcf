//! Which IP addresses belong to the public internet.
//!
//! Contract: an address is public only if IANA's registries give it to anybody on the internet: in IPv6 that is the one
//! block of global unicast, in IPv4 everything that no row below takes out. Forms of IPv6 that carry an IPv4 address inside
//! (mapped, compatible, 6to4, NAT64, Teredo) are never public: what they lead to has an address of its own.
//! Price: a walk over some twenty networks, no allocation.
//!
//! Sources: RFC 6890, the IANA IPv4 and IPv6 Special-Purpose Address Registries, and the IPv6 Global Unicast registry.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(first: u16, second: u16, third: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(first, second, third, 0, 0, 0, 0, 0), prefix)
}

/// Narrow networks stand before the wide ones that hold them, so that the reason is the exact one.
const NOT_PUBLIC_V4: &[(Ipv4Net, &str)] = &[
    (v4(0, 0, 0, 0, 32), "the unspecified address"),
    (v4(0, 0, 0, 0, 8), "an address of this network"),
    (v4(10, 0, 0, 0, 8), "a private address"),
    (v4(100, 100, 100, 200, 32), "a cloud's metadata address"),
    (v4(100, 64, 0, 0, 10), "a carrier's shared address"),
    (v4(127, 0, 0, 0, 8), "a loopback address"),
    // Azure's host service: in public space, yet answered by the machine's own cloud.
    (v4(168, 63, 129, 16, 32), "a cloud's metadata address"),
    (v4(169, 254, 169, 254, 32), "a cloud's metadata address"),
    (v4(169, 254, 0, 0, 16), "a link-local address"),
    (v4(172, 16, 0, 0, 12), "a private address"),
    (v4(192, 0, 0, 0, 24), "a protocol's reserved address"),
    (v4(192, 0, 2, 0, 24), "a documentation address"),
    (v4(192, 88, 99, 0, 24), "a 6to4 relay's address"),
    (v4(192, 168, 0, 0, 16), "a private address"),
    (v4(198, 18, 0, 0, 15), "a benchmark's address"),
    (v4(198, 51, 100, 0, 24), "a documentation address"),
    (v4(203, 0, 113, 0, 24), "a documentation address"),
    (v4(224, 0, 0, 0, 4), "a multicast address"),
    (v4(255, 255, 255, 255, 32), "the broadcast address"),
    (v4(240, 0, 0, 0, 4), "a reserved address"),
];

const NOT_PUBLIC_V6: &[(Ipv6Net, &str)] = &[
    (Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 128), "the unspecified address"),
    (Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128), "a loopback address"),
    (Ipv6Net::new_assert(Ipv4Addr::UNSPECIFIED.to_ipv6_mapped(), 96), "an IPv4-mapped address"),
    (v6(0, 0, 0, 96), "an IPv4-compatible address"),
    (v6(0x64, 0xff9b, 0, 96), "a NAT64 address"),
    (v6(0x64, 0xff9b, 1, 48), "a local NAT64 address"),
    (v6(0x100, 0, 0, 64), "a discard address"),
    (v6(0x2001, 0, 0, 32), "a Teredo address"),
    (v6(0x2001, 2, 0, 48), "a benchmark's address"),
    (v6(0x2001, 0, 0, 23), "a protocol's reserved address"),
    (v6(0x2001, 0xdb8, 0, 32), "a documentation address"),
    (v6(0x2002, 0, 0, 16), "a 6to4 address"),
    (v6(0x3fff, 0, 0, 20), "a documentation address"),
    (Ipv6Net::new_assert(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), 128), "a cloud's metadata address"),
    (v6(0xfc00, 0, 0, 7), "a unique local address"),
    (v6(0xfe80, 0, 0, 10), "a link-local address"),
    (v6(0xfec0, 0, 0, 10), "a site-local address"),
    (v6(0xff00, 0, 0, 8), "a multicast address"),
];

/// All that IANA has given out to the internet in IPv6.
const GLOBAL_UNICAST: Ipv6Net = v6(0x2000, 0, 0, 3);

/// What an address is instead of public; none if it is public.
pub fn not_public(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => kind(NOT_PUBLIC_V4, |network| network.contains(&address)),
        IpAddr::V6(address) => kind(NOT_PUBLIC_V6, |network| network.contains(&address))
            .or_else(|| (!GLOBAL_UNICAST.contains(&address)).then_some("a reserved address")),
    }
}

fn kind<N>(table: &'static [(N, &'static str)], holds: impl Fn(&N) -> bool) -> Option<&'static str> {
    table.iter().find(|(network, _)| holds(network)).map(|(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn refused(kind: &str, addresses: &[&str]) {
        for address in addresses {
            assert_eq!(not_public(address.parse().unwrap()), Some(kind), "{address}");
        }
    }

    #[test]
    fn loopback_addresses_are_refused() {
        refused("a loopback address", &["127.0.0.1", "127.0.0.0", "127.1.2.3", "127.255.255.255", "::1"]);
    }

    #[test]
    fn private_addresses_are_refused() {
        refused(
            "a private address",
            &["10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.0", "192.168.255.255"],
        );
        refused("a unique local address", &["fc00::", "fd12:3456::1", "fdff:ffff::"]);
        refused("a site-local address", &["fec0::1", "feff::1"]);
    }

    #[test]
    fn link_local_addresses_are_refused() {
        refused("a link-local address", &["169.254.0.0", "169.254.255.255", "fe80::1", "febf::1"]);
    }

    #[test]
    fn carrier_addresses_are_refused() {
        refused("a carrier's shared address", &["100.64.0.0", "100.127.255.255"]);
    }

    #[test]
    fn metadata_addresses_of_clouds_are_refused() {
        refused(
            "a cloud's metadata address",
            &["169.254.169.254", "100.100.100.200", "168.63.129.16", "fd00:ec2::254"],
        );
        refused("a protocol's reserved address", &["192.0.0.192"]);
    }

    #[test]
    fn multicast_and_broadcast_addresses_are_refused() {
        refused("a multicast address", &["224.0.0.0", "239.255.255.255", "ff00::", "ff02::1", "ffff::1"]);
        refused("the broadcast address", &["255.255.255.255"]);
    }

    #[test]
    fn unspecified_and_reserved_addresses_are_refused() {
        refused("the unspecified address", &["0.0.0.0", "::"]);
        refused("an address of this network", &["0.0.0.1", "0.255.255.255"]);
        refused("a reserved address", &["240.0.0.0", "255.255.255.254", "1::1", "4000::1", "5f00::1", "fbff::1"]);
        refused("a protocol's reserved address", &["192.0.0.1", "2001:1::1", "2001:20::1", "2001:1ff:ffff::1"]);
        refused("a discard address", &["100::1"]);
    }

    #[test]
    fn documentation_and_benchmark_addresses_are_refused() {
        refused(
            "a documentation address",
            &["192.0.2.1", "198.51.100.1", "203.0.113.255", "2001:db8::1", "3fff:fff::1"],
        );
        refused("a benchmark's address", &["198.18.0.0", "198.19.255.255", "2001:2::1"]);
    }

    #[test]
    fn ipv4_mapped_and_compatible_addresses_are_refused() {
        refused("an IPv4-mapped address", &["::ffff:127.0.0.1", "::ffff:a9fe:a9fe", "::ffff:8.8.8.8"]);
        refused("an IPv4-compatible address", &["::127.0.0.1", "::8.8.8.8", "::2"]);
    }

    #[test]
    fn addresses_of_6to4_are_refused() {
        refused("a 6to4 address", &["2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:808:808::"]);
        refused("a 6to4 relay's address", &["192.88.99.1"]);
    }

    #[test]
    fn nat64_and_teredo_addresses_are_refused() {
        refused("a NAT64 address", &["64:ff9b::127.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b::808:808"]);
        refused("a local NAT64 address", &["64:ff9b:1::1", "64:ff9b:1:ffff::7f00:1"]);
        refused("a Teredo address", &["2001::1", "2001:0:7f00:1::"]);
    }

    #[test]
    fn the_neighbours_of_what_is_refused_are_public() {
        for address in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "168.63.129.15",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2003::1",
            "2606:4700::1111",
            "2a00::1",
            "3ffe:ffff::1",
        ] {
            assert_eq!(not_public(address.parse().unwrap()), None, "{address}");
        }
    }

    proptest! {
        #[test]
        fn no_ipv4_address_becomes_public_by_being_written_as_ipv6(bits: u32) {
            let inner = Ipv4Addr::from(bits);
            let [a, b, c, d] = inner.octets();
            let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            for form in [
                inner.to_ipv6_mapped(),
                Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 0),
                Ipv6Addr::new(0x2001, 0, high, low, 0, 0, !high, !low),
            ] {
                prop_assert!(not_public(form.into()).is_some(), "{}", form);
            }
        }

        #[test]
        fn what_the_standard_library_calls_local_is_never_public(bits: u32) {
            let address = Ipv4Addr::from(bits);
            if address.is_private() || address.is_loopback() || address.is_link_local() || address.is_broadcast()
                || address.is_documentation() || address.is_multicast() || address.is_unspecified()
            {
                prop_assert!(not_public(address.into()).is_some(), "{}", address);
            }
        }
    }
}
