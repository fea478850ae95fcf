//! Numbers as people print them.

use crate::bindings::exports::example::units::convert::{FormatOptions, Notation};
use crate::catalogue::Unit;

/// Places after the point at the most; a float has no more that mean anything.
const MAX_DECIMALS: u8 = 15;
/// Digits between two separators.
const GROUP: usize = 3;

/// A value with the symbol of its unit.
pub(crate) fn quantity(value: f64, unit: &Unit, options: Option<FormatOptions>) -> String {
    let number = number(value, options);
    // SI Brochure 5.4.3: a space before every symbol but that of the degree of an angle.
    if unit.symbol == "°" { format!("{number}°") } else { format!("{number} {}", unit.symbol) }
}

fn number(value: f64, options: Option<FormatOptions>) -> String {
    let Some(options) = options else { return value.to_string() };
    let decimals = options.decimals.map(|places| usize::from(places.min(MAX_DECIMALS)));
    let digits = match (options.notation, decimals) {
        (Notation::Plain, Some(places)) => format!("{value:.places$}"),
        (Notation::Plain, None) => value.to_string(),
        (Notation::Scientific, Some(places)) => format!("{value:.places$e}"),
        (Notation::Scientific, None) => format!("{value:e}"),
    };
    let (whole, rest) = digits.split_once('.').map_or((digits.as_str(), None), |(whole, rest)| (whole, Some(rest)));
    // In scientific notation without places the exponent follows the one digit at once.
    let (whole, exponent) = whole.find('e').map_or((whole, ""), |at| whole.split_at(at));
    let mut text = options.group_separator.map_or_else(|| whole.to_owned(), |separator| grouped(whole, separator));
    text.push_str(exponent);
    if let Some(rest) = rest {
        text.push(options.decimal_point.unwrap_or('.'));
        text.push_str(rest);
    }
    text
}

fn grouped(whole: &str, separator: char) -> String {
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let mut text = sign.to_owned();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % GROUP == 0 {
            text.push(separator);
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;
    use crate::catalogue::find;

    const PLAIN: FormatOptions =
        FormatOptions { decimals: None, group_separator: None, decimal_point: None, notation: Notation::Plain };

    #[test]
    fn without_options_a_number_is_as_short_as_it_can_be() {
        assert_eq!(quantity(1.5, find("km").unwrap(), None), "1.5 km");
        assert_eq!(quantity(90.0, find("deg").unwrap(), None), "90°");
    }

    #[test]
    fn groups_points_and_places_are_as_asked() {
        let german = FormatOptions { decimals: Some(2), group_separator: Some('.'), decimal_point: Some(','), ..PLAIN };
        assert_eq!(number(-1234567.891, Some(german)), "-1.234.567,89");
        assert_eq!(number(123.0, Some(german)), "123,00");
        assert_eq!(number(1e6, Some(FormatOptions { group_separator: Some(' '), ..PLAIN })), "1 000 000");
        assert_eq!(number(0.1, Some(FormatOptions { decimals: Some(99), ..PLAIN })), "0.100000000000000");
    }

    #[test]
    fn scientific_notation_keeps_its_exponent() {
        let scientific = FormatOptions { notation: Notation::Scientific, group_separator: Some(','), ..PLAIN };
        assert_eq!(number(1e21, Some(scientific)), "1e21");
        assert_eq!(number(-1234.5, Some(FormatOptions { decimals: Some(1), ..scientific })), "-1.2e3");
    }
}
