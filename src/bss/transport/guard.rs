//! Which addresses a connection may lead to.
//!
//! The author of a connection chooses a URL; the guard keeps that from becoming a way into the
//! cluster's own network or to the metadata service of the machine.

use crate::bss::error::BssError;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use thiserror::Error;

/// Address ranges that the administrator allows although they are internal, and those that the
/// administrator denies although they are public: the addresses of pods, services and nodes may be. What
/// is denied is denied, whatever is allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedRanges {
    allowed: Vec<Range>,
    denied: Vec<Range>,
}

impl AllowedRanges {
    /// None: only addresses of the public internet.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads ranges such as `10.20.0.0/16` or `fd00:12::/32`; an address alone is a range of one.
    ///
    /// # Errors
    ///
    /// Text for the administrator, naming the range that is not one.
    pub fn parse<'a>(ranges: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let allowed = ranges.into_iter().map(str::parse).collect::<Result<_, _>>();
        allowed.map(|allowed| Self {
            allowed,
            denied: Vec::new(),
        })
    }

    /// The same, and what is allowed there.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.allowed.extend_from_slice(&other.allowed);
        self.denied.extend_from_slice(&other.denied);
        self
    }

    /// The same, without these ranges.
    ///
    /// # Errors
    ///
    /// Text for the administrator, naming the range that is not one.
    pub fn without<'a>(
        mut self,
        ranges: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, String> {
        for range in ranges {
            self.denied.push(range.parse()?);
        }
        Ok(self)
    }

    pub(super) fn contain(&self, address: IpAddr) -> bool {
        self.allowed.iter().any(|range| range.contains(address))
    }

    pub(super) fn deny(&self, address: IpAddr) -> bool {
        self.denied.iter().any(|range| range.contains(address))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    base: IpAddr,
    bits: u32,
}

impl FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no address range such as 10.0.0.0/8");
        let (base, bits) = match text.trim().split_once('/') {
            Some((base, bits)) => (base, Some(bits)),
            None => (text.trim(), None),
        };
        let base: IpAddr = base.parse().map_err(|_| wrong())?;
        let most = if base.is_ipv4() { 32 } else { 128 };
        let bits: u32 = bits.map_or(Ok(most), str::parse).map_err(|_| wrong())?;
        if bits > most {
            return Err(wrong());
        }
        Ok(Self { base, bits })
    }
}

impl Range {
    fn contains(self, address: IpAddr) -> bool {
        match (self.base, address) {
            (IpAddr::V4(base), IpAddr::V4(address)) => within4(base, address, self.bits),
            (IpAddr::V6(base), IpAddr::V6(address)) => within6(base, address, self.bits),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

fn within4(base: Ipv4Addr, address: Ipv4Addr, bits: u32) -> bool {
    let mask = u32::MAX
        .checked_shl(32_u32.saturating_sub(bits))
        .unwrap_or(0);
    base.to_bits() & mask == address.to_bits() & mask
}

fn within6(base: Ipv6Addr, address: Ipv6Addr, bits: u32) -> bool {
    let mask = u128::MAX
        .checked_shl(128_u32.saturating_sub(bits))
        .unwrap_or(0);
    base.to_bits() & mask == address.to_bits() & mask
}

/// The address may not be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) struct AddressRefused {
    address: IpAddr,
    kind: &'static str,
}

/// The kind of an address that the administrator denies.
const DENIED: &str = "denied";

impl fmt::Display for AddressRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kind == DENIED {
            return write!(
                f,
                "{} is in a range that the administrator of the operator denies",
                self.address
            );
        }
        write!(
            f,
            "{} is a {} address; an administrator may allow its range",
            self.address, self.kind
        )
    }
}

/// The guard of one connection.
#[derive(Clone, Debug)]
pub(super) struct GuardedHost {
    allowed: AllowedRanges,
}

impl GuardedHost {
    pub(super) fn new(allowed: AllowedRanges) -> Self {
        Self { allowed }
    }

    /// A URL with an address instead of a name never reaches the resolver.
    pub(super) fn check_literal(&self, address: Option<IpAddr>) -> Result<(), BssError> {
        let checked = address.map_or(Ok(()), |address| self.check(address));
        checked.map_err(|refused| BssError::Refused {
            detail: refused.to_string(),
        })
    }

    pub(super) fn check(&self, address: IpAddr) -> Result<(), AddressRefused> {
        let meant = unmapped(address);
        if self.allowed.deny(meant) || self.allowed.deny(address) {
            let kind = DENIED;
            return Err(AddressRefused { address, kind });
        }
        match internal(meant) {
            Some(kind) if !self.allowed.contain(meant) => Err(AddressRefused { address, kind }),
            Some(_) | None => Ok(()),
        }
    }
}

/// The IPv4 address that an IPv6 address stands for, if it does: mapped, compatible, NAT64, 6to4.
fn unmapped(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else {
        return address;
    };
    let [a, b, .., hi, lo] = v6.segments();
    let four =
        |hi: u16, lo: u16| IpAddr::V4(Ipv4Addr::from_bits((u32::from(hi) << 16) | u32::from(lo)));
    let upper = v6.to_bits() >> 32;
    if upper == 0xffff || (upper == 0 && v6.to_bits() > 1) {
        return four(hi, lo);
    }
    if upper == 0x0064_ff9b_0000_0000_0000_0000 {
        return four(hi, lo);
    }
    if a == 0x2002 {
        let [_, _, c, ..] = v6.segments();
        return four(b, c);
    }
    address
}

fn internal(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(v4) => internal4(v4),
        IpAddr::V6(v6) => internal6(v6),
    }
}

fn internal4(address: Ipv4Addr) -> Option<&'static str> {
    // The metadata and control addresses of clouds that lie outside of the ranges below.
    const PLATFORM: [Ipv4Addr; 1] = [Ipv4Addr::new(168, 63, 129, 16)];
    const RANGES: [(Ipv4Addr, u32, &str); 13] = [
        (Ipv4Addr::UNSPECIFIED, 8, "unspecified"),
        (Ipv4Addr::new(10, 0, 0, 0), 8, "private"),
        (Ipv4Addr::new(100, 64, 0, 0), 10, "carrier-grade NAT"),
        (Ipv4Addr::new(127, 0, 0, 0), 8, "loopback"),
        (Ipv4Addr::new(169, 254, 169, 254), 32, "metadata"),
        (Ipv4Addr::new(169, 254, 0, 0), 16, "link-local"),
        (Ipv4Addr::new(172, 16, 0, 0), 12, "private"),
        (Ipv4Addr::new(192, 0, 0, 0), 24, "reserved"),
        (Ipv4Addr::new(192, 168, 0, 0), 16, "private"),
        (Ipv4Addr::new(198, 18, 0, 0), 15, "benchmarking"),
        (Ipv4Addr::new(224, 0, 0, 0), 4, "multicast"),
        (Ipv4Addr::BROADCAST, 32, "broadcast"),
        (Ipv4Addr::new(240, 0, 0, 0), 4, "reserved"),
    ];
    if PLATFORM.contains(&address) {
        return Some("metadata");
    }
    RANGES
        .iter()
        .find(|(base, bits, _)| within4(*base, address, *bits))
        .map(|(_, _, kind)| *kind)
}

fn internal6(address: Ipv6Addr) -> Option<&'static str> {
    const RANGES: [(Ipv6Addr, u32, &str); 8] = [
        (Ipv6Addr::UNSPECIFIED, 128, "unspecified"),
        (Ipv6Addr::LOCALHOST, 128, "loopback"),
        (Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48, "private"),
        (Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 0), 64, "discard"),
        (
            Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0),
            7,
            "unique-local",
        ),
        (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, "link-local"),
        (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10, "site-local"),
        (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, "multicast"),
    ];
    RANGES
        .iter()
        .find(|(base, bits, _)| within6(*base, address, *bits))
        .map(|(_, _, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(guard: &GuardedHost, address: &str) -> Option<&'static str> {
        guard
            .check(address.parse().unwrap())
            .err()
            .map(|refused| refused.kind)
    }

    #[test]
    fn internal_addresses_are_refused_however_they_are_written() {
        let guard = GuardedHost::new(AllowedRanges::none());
        for (address, expected) in [
            ("127.0.0.1", "loopback"),
            ("127.255.3.4", "loopback"),
            ("0.0.0.0", "unspecified"),
            ("10.1.2.3", "private"),
            ("172.16.0.1", "private"),
            ("172.31.255.255", "private"),
            ("192.168.1.1", "private"),
            ("169.254.169.254", "metadata"),
            ("169.254.0.1", "link-local"),
            ("168.63.129.16", "metadata"),
            ("100.64.0.1", "carrier-grade NAT"),
            ("100.127.255.255", "carrier-grade NAT"),
            ("224.0.0.1", "multicast"),
            ("255.255.255.255", "broadcast"),
            ("240.0.0.1", "reserved"),
            ("::", "unspecified"),
            ("::1", "loopback"),
            ("fe80::1", "link-local"),
            ("fd00:ec2::254", "unique-local"),
            ("fc00::1", "unique-local"),
            ("ff02::1", "multicast"),
            ("::ffff:127.0.0.1", "loopback"),
            ("::ffff:169.254.169.254", "metadata"),
            ("::10.0.0.1", "private"),
            ("64:ff9b::10.0.0.1", "private"),
            ("2002:7f00:1::", "loopback"),
        ] {
            assert_eq!(kind(&guard, address), Some(expected), "{address}");
        }
        for address in [
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "2606:4700::1111",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
        ] {
            assert_eq!(kind(&guard, address), None, "{address}");
        }
    }

    #[test]
    fn allowed_ranges_allow_exactly_themselves() {
        let ranges = AllowedRanges::parse(["127.0.0.0/8", " 10.2.0.0/16", "fd12::/16"]).unwrap();
        let guard = GuardedHost::new(ranges);
        for address in ["127.0.0.1", "::ffff:127.0.0.1", "10.2.255.1", "fd12::1"] {
            assert_eq!(kind(&guard, address), None, "{address}");
        }
        for address in ["10.3.0.1", "fd13::1", "169.254.169.254", "::1"] {
            assert!(kind(&guard, address).is_some(), "{address}");
        }
        let one = GuardedHost::new(AllowedRanges::parse(["192.168.0.7"]).unwrap());
        assert_eq!(kind(&one, "192.168.0.7"), None);
        assert!(kind(&one, "192.168.0.8").is_some());
        let all = GuardedHost::new(AllowedRanges::parse(["0.0.0.0/0", "::/0"]).unwrap());
        assert_eq!((kind(&all, "10.0.0.1"), kind(&all, "::1")), (None, None));
    }

    #[test]
    fn what_is_denied_is_denied_although_it_is_public_or_allowed() {
        let ranges = AllowedRanges::parse(["10.0.0.0/8"]).unwrap();
        let ranges = ranges
            .without(["203.0.113.0/24", "10.96.0.0/12", "2001:db8:1::/48"])
            .unwrap();
        let guard = GuardedHost::new(ranges);
        for address in [
            "203.0.113.7",
            "::ffff:203.0.113.7",
            "64:ff9b::203.0.113.7",
            "10.96.0.1",
            "2001:db8:1::5",
        ] {
            assert_eq!(kind(&guard, address), Some(DENIED), "{address}");
        }
        for address in ["203.0.114.7", "10.1.0.1", "2001:db8:2::5"] {
            assert_eq!(kind(&guard, address), None, "{address}");
        }
        let error = AllowedRanges::none().without(["pods"]).unwrap_err();
        assert!(error.contains("\"pods\""), "{error}");
    }

    #[test]
    fn what_is_no_range_is_named() {
        for wrong in [
            "",
            "10.0.0.0/33",
            "10.0.0/8",
            "::/129",
            "10.0.0.0/",
            "host",
            "10.0.0.0/-1",
        ] {
            let error = AllowedRanges::parse([wrong]).unwrap_err();
            assert!(error.contains(&format!("{wrong:?}")), "{error}");
        }
    }
}
