//! Quantities as people write them: a number, then a unit.

use crate::bindings::exports::example::units::convert::Quantity;
use crate::catalogue;

/// Digits after a comma that groups.
const GROUP: usize = 3;

/// Reads `text`.
pub(crate) fn quantity(text: &str) -> Result<Quantity, String> {
    let text = text.trim();
    let (number, unit) = split_number(text);
    if number.is_empty() {
        return Err(format!("`{text}` does not begin with a number: write for example `5 km`"));
    }
    let value = value(number)?;
    let unit = unit.trim();
    if unit.is_empty() {
        return Err(format!("`{text}` has no unit: write for example `{number} km`"));
    }
    let unit =
        catalogue::find(unit).ok_or_else(|| format!("no unit is called `{unit}`: see `units` for those that are"))?;
    Ok(Quantity { value, unit: unit.symbol.to_owned() })
}

/// The number that `text` begins with, and the rest.
fn split_number(text: &str) -> (&str, &str) {
    let mut end = 0;
    let mut before = None;
    let mut exponent = false;
    for (at, c) in text.char_indices() {
        let after = text.get(at + c.len_utf8()..).unwrap_or_default();
        let goes_on = match c {
            '0'..='9' => true,
            '-' | '+' | '−' => matches!(before, None | Some('e' | 'E')),
            '.' | ',' => !exponent && after.starts_with(|c: char| c.is_ascii_digit()),
            // An exponent has digits: the e of `5e3`, not that of `5 eV`.
            'e' | 'E' if !exponent && before.is_some_and(|c: char| c.is_ascii_digit()) => {
                exponent = after.trim_start_matches(['-', '+']).starts_with(|c: char| c.is_ascii_digit());
                exponent
            }
            _ => false,
        };
        if !goes_on {
            break;
        }
        before = Some(c);
        end = at + c.len_utf8();
    }
    text.split_at_checked(end).unwrap_or((text, ""))
}

fn value(number: &str) -> Result<f64, String> {
    let mut groups = number.split(['.', 'e', 'E']).next().unwrap_or_default().split(',').skip(1);
    if groups.any(|group| group.len() != GROUP) || number.split('.').skip(1).any(|rest| rest.contains(',')) {
        return Err(format!(
            "`{number}`: a comma stands before each group of three digits, a point before the decimals"
        ));
    }
    let plain = number.replace(',', "").replace('−', "-");
    plain.parse().map_err(|_| format!("`{number}` is no number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(f64, String), String> {
        quantity(text).map(|quantity| (quantity.value, quantity.unit))
    }

    #[test]
    fn quantities_are_read_as_people_write_them() {
        let cases = [
            ("26.2 miles", 26.2, "mi"),
            ("-40°F", -40.0, "°F"),
            ("1,500 kg", 1500.0, "kg"),
            ("5′", 5.0, "ft"),
            (" 1e3 m ", 1000.0, "m"),
            ("5eV", 5.0, "eV"),
            ("2.5e-3 l", 0.0025, "l"),
            ("−3 degrees Celsius", -3.0, "°C"),
            ("1,234,567.5 B", 1_234_567.5, "B"),
            (".5 h", 0.5, "h"),
            ("3 fl oz", 3.0, "fl oz"),
            ("7 km/h", 7.0, "km/h"),
        ];
        for (text, value, unit) in cases {
            assert_eq!(read(text), Ok((value, unit.to_owned())), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let cases = [
            ("", "does not begin with a number"),
            ("km", "does not begin with a number"),
            ("5", "has no unit"),
            ("5 parsnips", "no unit is called `parsnips`"),
            ("1,5 m", "three digits"),
            ("1.5,000 m", "three digits"),
            ("- m", "is no number"),
            ("1.2.3 m", "is no number"),
        ];
        for (text, reason) in cases {
            assert!(read(text).is_err_and(|error| error.contains(reason)), "{text}: {:?}", read(text));
        }
    }
}
