//! From one unit to another. Results have 14 significant digits: one fewer than a float can hold, so that the noise of
//! the arithmetic does not show (100 °C are 212 °F, not 211.99999999999994).

use crate::bindings::exports::example::units::convert::{
    ConversionError, Dimension, FormatOptions, Quantity, Row, Systems,
};
use crate::catalogue::{self, Unit};
use crate::print;

/// Significant digits of a result.
const DIGITS: usize = 14;
/// Places after the point that a difference of temperatures leaves exact.
const TEMPERATURE_PLACES: f64 = 1e10;

/// Converts `quantity` to the unit `to`.
pub(crate) fn convert(quantity: &Quantity, to: &str) -> Result<Quantity, ConversionError> {
    let from = unit(&quantity.unit)?;
    let to = unit(to)?;
    if from.dimension != to.dimension {
        return Err(ConversionError::Incompatible((from.dimension, to.dimension)));
    }
    let value = between(checked(quantity.value, from)?, from, to)?;
    Ok(Quantity { value, unit: to.symbol.to_owned() })
}

/// Prints a quantity.
pub(crate) fn format(quantity: &Quantity, options: Option<FormatOptions>) -> Result<String, ConversionError> {
    let unit = unit(&quantity.unit)?;
    Ok(print::quantity(checked(quantity.value, unit)?, unit, options))
}

/// `quantity` in every unit of its dimension.
pub(crate) fn table(
    quantity: &Quantity,
    within: Systems,
    options: Option<FormatOptions>,
) -> Result<Vec<Row>, ConversionError> {
    let from = unit(&quantity.unit)?;
    let value = checked(quantity.value, from)?;
    catalogue::units(Some(from.dimension), within)
        .map(|to| {
            let value = between(value, from, to)?;
            let text = print::quantity(value, to, options);
            Ok(Row { quantity: Quantity { value, unit: to.symbol.to_owned() }, name: to.name.to_owned(), text })
        })
        .collect()
}

fn unit(name: &str) -> Result<&'static Unit, ConversionError> {
    catalogue::find(name).ok_or_else(|| ConversionError::UnknownUnit(name.to_owned()))
}

/// `value` if there can be so much of `unit`.
fn checked(value: f64, unit: &Unit) -> Result<f64, ConversionError> {
    if !value.is_finite() {
        return Err(ConversionError::NotFinite);
    }
    let kelvin = (value + unit.offset) * unit.scale;
    if unit.dimension == Dimension::Temperature && kelvin < 0.0 {
        return Err(ConversionError::BelowAbsoluteZero(tidy(kelvin)));
    }
    Ok(value)
}

fn between(value: f64, from: &Unit, to: &Unit) -> Result<f64, ConversionError> {
    if from.symbol == to.symbol {
        return Ok(value);
    }
    let value = (value + from.offset) * (from.scale / to.scale) - to.offset;
    if !value.is_finite() {
        return Err(ConversionError::NotFinite);
    }
    // Where an offset was taken away, what is left may be all noise: -40 °F and not -39.99999999999994.
    let shifted = from.offset != to.offset;
    Ok(if shifted { (value * TEMPERATURE_PLACES).round() / TEMPERATURE_PLACES } else { tidy(value) })
}

fn tidy(value: f64) -> f64 {
    // The way over the decimal digits is the only one that rounds as a reader would.
    format!("{value:.*e}", DIGITS - 1).parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;

    fn quantity(value: f64, unit: &str) -> Quantity {
        Quantity { value, unit: unit.into() }
    }

    fn converted(value: f64, from: &str, to: &str) -> Result<f64, ConversionError> {
        convert(&quantity(value, from), to).map(|quantity| quantity.value)
    }

    #[test]
    fn known_conversions_come_out_to_the_digit() {
        let cases = [
            (26.2, "mi", "km", 42.1648128),
            (100.0, "°C", "°F", 212.0),
            (-40.0, "°F", "°C", -40.0),
            (0.0, "K", "°C", -273.15),
            (1.0, "acre", "m²", 4046.8564224),
            (1.0, "gal", "l", 3.785411784),
            (1.0, "GiB", "MB", 1073.741824),
            (180.0, "°", "rad", std::f64::consts::PI),
            (100.0, "km/h", "m/s", 27.777777777778),
            (1.0, "yr", "d", 365.25),
            (8.0, "bit", "B", 1.0),
            (1.0, "kWh", "kJ", 3600.0),
            (32.0, "f", "c", 0.0),
        ];
        for (value, from, to, expected) in cases {
            let found = converted(value, from, to).unwrap();
            assert!(
                (found - expected).abs() <= expected.abs() * 1e-13,
                "{value} {from} = {found} {to}, not {expected}"
            );
        }
    }

    #[test]
    fn there_and_back_is_where_it_began() {
        for from in catalogue::units(None, Systems::empty()) {
            for to in catalogue::units(Some(from.dimension), Systems::empty()) {
                let there = converted(123.456, from.symbol, to.symbol).unwrap();
                let back = converted(there, to.symbol, from.symbol).unwrap();
                assert!((back - 123.456).abs() < 1e-9, "{} over {}: {back}", from.symbol, to.symbol);
            }
        }
    }

    #[test]
    fn the_result_names_the_unit_by_its_symbol() {
        assert_eq!(convert(&quantity(2.0, "miles"), "Miles").unwrap(), quantity(2.0, "mi"));
    }

    #[test]
    fn what_cannot_be_converted_is_refused_with_its_reason() {
        assert_eq!(converted(1.0, "parsec", "m"), Err(ConversionError::UnknownUnit("parsec".into())));
        let mixed = ConversionError::Incompatible((Dimension::Length, Dimension::Mass));
        assert_eq!(converted(1.0, "m", "kg"), Err(mixed));
        assert_eq!(converted(f64::NAN, "m", "km"), Err(ConversionError::NotFinite));
        assert_eq!(converted(1e308, "ly", "nm"), Err(ConversionError::NotFinite));
        assert_eq!(converted(-300.0, "°C", "K"), Err(ConversionError::BelowAbsoluteZero(-26.85)));
    }

    #[test]
    fn a_table_has_every_unit_of_the_dimension_once() {
        let rows = table(&quantity(1.0, "km"), Systems::IMPERIAL, None).unwrap();
        let units: Vec<_> = rows.iter().map(|row| row.quantity.unit.as_str()).collect();
        assert_eq!(units, ["in", "ft", "yd", "mi", "nmi"]);
        assert!(rows.iter().any(|row| row.text == "0.62137119223733 mi" && row.name == "mile"), "{rows:?}");
    }
}
