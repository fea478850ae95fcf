//! Sizes in bytes, exact over the whole range of 64 bits.

use crate::bindings::exports::example::units::counts::Base;

const DECIMAL: &[&str] = &["B", "kB", "MB", "GB", "TB", "PB", "EB"];
const BINARY: &[&str] = &["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
/// Digits after the point at the most: those of the largest unit, and few enough for the arithmetic in 128 bits.
const MAX_PLACES: usize = 18;

/// The size in the largest unit of which there is at least one, to one place.
pub(crate) fn human(bytes: u64, base: Base) -> (f64, String) {
    let (step, names) = match base {
        Base::Decimal => (1_000.0, DECIMAL),
        Base::Binary => (1_024.0, BINARY),
    };
    let mut size = bytes as f64;
    let mut names = names.iter();
    let mut name = names.next();
    // What would be printed as 1000.0 kB is 1.0 MB.
    while tenths(size) >= step {
        let Some(larger) = names.next() else { break };
        name = Some(larger);
        size /= step;
    }
    (tenths(size), name.copied().unwrap_or_default().to_owned())
}

fn tenths(size: f64) -> f64 {
    (size * 10.0).round() / 10.0
}

/// Bytes of a size such as `64MiB` or `1.5 GB`.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end).unwrap_or((text, ""));
    let factor = factor(unit.trim()).ok_or_else(|| {
        format!("`{}` is no unit of bytes: use one of {}, {}", unit.trim(), DECIMAL.join(" "), BINARY.join(" "))
    })?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.len() > MAX_PLACES {
        return Err(format!("`{number}` has more than {MAX_PLACES} digits after the point"));
    }
    let digits: u64 =
        format!("{whole}{fraction}").parse().map_err(|_| format!("`{text}` is no size: write for example `64 MiB`"))?;
    let places = fraction.chars().fold(1_u128, |places, _| places * 10);
    let scaled = u128::from(digits) * u128::from(factor);
    if scaled % places != 0 {
        return Err(format!("`{text}` is no whole number of bytes"));
    }
    u64::try_from(scaled / places).map_err(|_| format!("`{text}` is more than 64 bits can count"))
}

fn factor(unit: &str) -> Option<u64> {
    let power = |names: &[&str], step: u64| {
        let place = names.iter().position(|name| name.eq_ignore_ascii_case(unit))?;
        Some((0..place).fold(1, |factor, _| factor * step))
    };
    if unit.is_empty() { Some(1) } else { power(DECIMAL, 1_000).or_else(|| power(BINARY, 1_024)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_exactly() {
        let cases = [
            ("123", 123),
            ("64MiB", 64 << 20),
            ("1.5 GB", 1_500_000_000),
            ("0.5 kib", 512),
            ("16.000 kB", 16_000),
            ("18446744073709551615 B", u64::MAX),
        ];
        for (text, bytes) in cases {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_exact_is_refused() {
        let cases = [
            ("0.3 KiB", "whole number"),
            ("16 EiB", "64 bits"),
            ("5 apples", "no unit of bytes"),
            ("", "no size"),
            ("1.2.3 B", "no size"),
            ("-1 B", "no unit of bytes"),
            ("1.0000000000000000000 B", "more than 18"),
        ];
        for (text, reason) in cases {
            assert!(parse(text).is_err_and(|error| error.contains(reason)), "{text}: {:?}", parse(text));
        }
    }

    #[test]
    fn sizes_are_printed_in_the_largest_unit_that_fits() {
        let cases = [
            (0, Base::Decimal, 0.0, "B"),
            (1_536, Base::Binary, 1.5, "KiB"),
            (999_960, Base::Decimal, 1.0, "MB"),
            (1_023, Base::Binary, 1023.0, "B"),
            (u64::MAX, Base::Binary, 16.0, "EiB"),
            (u64::MAX, Base::Decimal, 18.4, "EB"),
        ];
        for (bytes, base, number, unit) in cases {
            assert_eq!(human(bytes, base), (number, unit.to_owned()), "{bytes}");
        }
    }
}
