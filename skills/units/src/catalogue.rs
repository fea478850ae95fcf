//! The units, with their exact definitions, and how they are found by symbol or name.

use crate::bindings::exports::example::units::convert::{Dimension, Systems, UnitInfo};
use Dimension::{Angle, Area, Data, Duration, Energy, Length, Mass, Power, Pressure, Speed, Temperature, Volume};

const METRIC: Systems = Systems::METRIC;
const IMPERIAL: Systems = Systems::IMPERIAL;
const US: Systems = Systems::US_CUSTOMARY;
/// At home in both: the international yard and pound.
const ENGLISH: Systems = IMPERIAL.union(US);
const BINARY: Systems = Systems::BINARY;
const EVERYWHERE: Systems = Systems::all();

/// A unit. The quantity in the dimension's base unit is `(value + offset) * scale`.
#[derive(Debug)]
pub(crate) struct Unit {
    pub(crate) symbol: &'static str,
    pub(crate) name: &'static str,
    /// Other names, in lower case and singular where regular.
    aliases: &'static [&'static str],
    pub(crate) dimension: Dimension,
    systems: Systems,
    pub(crate) scale: f64,
    pub(crate) offset: f64,
}

impl Unit {
    /// As callers see it.
    pub(crate) fn info(&self) -> UnitInfo {
        UnitInfo {
            symbol: self.symbol.to_owned(),
            name: self.name.to_owned(),
            dimension: self.dimension,
            systems: self.systems,
        }
    }
}

const fn unit(
    dimension: Dimension,
    systems: Systems,
    symbol: &'static str,
    name: &'static str,
    scale: f64,
    aliases: &'static [&'static str],
) -> Unit {
    Unit { symbol, name, aliases, dimension, systems, scale, offset: 0.0 }
}

const fn degree(
    systems: Systems,
    symbol: &'static str,
    name: &'static str,
    scale: f64,
    offset: f64,
    aliases: &'static [&'static str],
) -> Unit {
    Unit { symbol, name, aliases, dimension: Temperature, systems, scale, offset }
}

/// All units, by dimension, smallest first. Definitions: SI Brochure (9th edition) and NIST Handbook 44, Appendix C.
#[rustfmt::skip]
const UNITS: &[Unit] = &[
    // metres
    unit(Length, METRIC, "nm", "nanometre", 1e-9, &[]),
    unit(Length, METRIC, "µm", "micrometre", 1e-6, &["um", "micron"]),
    unit(Length, METRIC, "mm", "millimetre", 1e-3, &[]),
    unit(Length, METRIC, "cm", "centimetre", 1e-2, &[]),
    unit(Length, ENGLISH, "in", "inch", 0.0254, &["inches", "″", "\""]),
    unit(Length, ENGLISH, "ft", "foot", 0.3048, &["feet", "′", "'"]),
    unit(Length, ENGLISH, "yd", "yard", 0.9144, &[]),
    unit(Length, METRIC, "m", "metre", 1.0, &[]),
    unit(Length, METRIC, "km", "kilometre", 1e3, &[]),
    unit(Length, ENGLISH, "mi", "mile", 1_609.344, &[]),
    unit(Length, EVERYWHERE, "nmi", "nautical mile", 1_852.0, &[]),
    unit(Length, METRIC, "au", "astronomical unit", 149_597_870_700.0, &[]),
    unit(Length, METRIC, "ly", "light-year", 9_460_730_472_580_800.0, &["light year"]),
    // square metres
    unit(Area, METRIC, "mm²", "square millimetre", 1e-6, &["mm2"]),
    unit(Area, METRIC, "cm²", "square centimetre", 1e-4, &["cm2"]),
    unit(Area, ENGLISH, "in²", "square inch", 0.000_645_16, &["in2", "square inches", "sq in"]),
    unit(Area, ENGLISH, "ft²", "square foot", 0.092_903_04, &["ft2", "square feet", "sq ft"]),
    unit(Area, METRIC, "m²", "square metre", 1.0, &["m2", "sqm"]),
    unit(Area, ENGLISH, "ac", "acre", 4_046.856_422_4, &[]),
    unit(Area, METRIC, "ha", "hectare", 1e4, &[]),
    unit(Area, METRIC, "km²", "square kilometre", 1e6, &["km2"]),
    unit(Area, ENGLISH, "mi²", "square mile", 2_589_988.110_336, &["mi2", "sq mi"]),
    // litres
    unit(Volume, METRIC, "ml", "millilitre", 1e-3, &["cm³", "cm3"]),
    unit(Volume, US, "tsp", "teaspoon", 0.004_928_921_593_75, &[]),
    unit(Volume, US, "tbsp", "tablespoon", 0.014_786_764_781_25, &[]),
    unit(Volume, US, "fl oz", "fluid ounce", 0.029_573_529_562_5, &["floz"]),
    unit(Volume, US, "cup", "cup", 0.236_588_236_5, &[]),
    unit(Volume, US, "pt", "pint", 0.473_176_473, &["us pint"]),
    unit(Volume, IMPERIAL, "imp pt", "imperial pint", 0.568_261_25, &["uk pint"]),
    unit(Volume, US, "qt", "quart", 0.946_352_946, &[]),
    unit(Volume, METRIC, "l", "litre", 1.0, &["dm³", "dm3"]),
    unit(Volume, US, "gal", "gallon", 3.785_411_784, &["us gallon"]),
    unit(Volume, IMPERIAL, "imp gal", "imperial gallon", 4.546_09, &["uk gallon"]),
    unit(Volume, METRIC, "m³", "cubic metre", 1e3, &["m3"]),
    // kilograms
    unit(Mass, METRIC, "µg", "microgram", 1e-9, &["ug", "mcg"]),
    unit(Mass, METRIC, "mg", "milligram", 1e-6, &[]),
    unit(Mass, METRIC, "g", "gram", 1e-3, &["gramme"]),
    unit(Mass, ENGLISH, "oz", "ounce", 0.028_349_523_125, &[]),
    unit(Mass, ENGLISH, "lb", "pound", 0.453_592_37, &["lbs"]),
    unit(Mass, METRIC, "kg", "kilogram", 1.0, &["kilo", "kilogramme"]),
    unit(Mass, IMPERIAL, "st", "stone", 6.350_293_18, &[]),
    unit(Mass, US, "short ton", "short ton", 907.184_74, &["us ton"]),
    unit(Mass, METRIC, "t", "tonne", 1e3, &["metric ton"]),
    unit(Mass, IMPERIAL, "long ton", "long ton", 1_016.046_908_8, &["imperial ton"]),
    // seconds
    unit(Duration, EVERYWHERE, "ns", "nanosecond", 1e-9, &[]),
    unit(Duration, EVERYWHERE, "µs", "microsecond", 1e-6, &["us"]),
    unit(Duration, EVERYWHERE, "ms", "millisecond", 1e-3, &[]),
    unit(Duration, EVERYWHERE, "s", "second", 1.0, &["sec"]),
    unit(Duration, EVERYWHERE, "min", "minute", 60.0, &[]),
    unit(Duration, EVERYWHERE, "h", "hour", 3_600.0, &["hr"]),
    unit(Duration, EVERYWHERE, "d", "day", 86_400.0, &[]),
    unit(Duration, EVERYWHERE, "wk", "week", 604_800.0, &[]),
    unit(Duration, EVERYWHERE, "yr", "Julian year", 31_557_600.0, &["year"]),
    // metres per second
    unit(Speed, METRIC, "km/h", "kilometre per hour", 1.0 / 3.6, &["kmh", "kph"]),
    unit(Speed, ENGLISH, "ft/s", "foot per second", 0.3048, &["fps", "feet per second"]),
    unit(Speed, ENGLISH, "mph", "mile per hour", 0.447_04, &["mi/h"]),
    unit(Speed, EVERYWHERE, "kn", "knot", 1_852.0 / 3_600.0, &["kt"]),
    unit(Speed, METRIC, "m/s", "metre per second", 1.0, &["mps"]),
    // kelvin
    degree(ENGLISH, "°F", "degree Fahrenheit", 5.0 / 9.0, 459.67, &["f", "fahrenheit", "degf"]),
    degree(METRIC, "°C", "degree Celsius", 1.0, 273.15, &["c", "celsius", "centigrade", "degc"]),
    degree(METRIC, "K", "kelvin", 1.0, 0.0, &[]),
    // pascals
    unit(Pressure, METRIC, "Pa", "pascal", 1.0, &[]),
    unit(Pressure, METRIC, "hPa", "hectopascal", 1e2, &["mbar", "millibar"]),
    unit(Pressure, METRIC, "mmHg", "millimetre of mercury", 133.322_387_415, &["torr"]),
    unit(Pressure, METRIC, "kPa", "kilopascal", 1e3, &[]),
    unit(Pressure, ENGLISH, "psi", "pound per square inch", 6_894.757_293_168_361, &[]),
    unit(Pressure, METRIC, "bar", "bar", 1e5, &[]),
    unit(Pressure, METRIC, "atm", "standard atmosphere", 101_325.0, &["atmosphere"]),
    // joules
    unit(Energy, METRIC, "eV", "electronvolt", 1.602_176_634e-19, &["electron volt"]),
    unit(Energy, METRIC, "J", "joule", 1.0, &[]),
    unit(Energy, METRIC, "cal", "calorie", 4.184, &[]),
    unit(Energy, METRIC, "kJ", "kilojoule", 1e3, &[]),
    unit(Energy, ENGLISH, "BTU", "British thermal unit", 1_055.055_852_62, &[]),
    unit(Energy, METRIC, "Wh", "watt-hour", 3_600.0, &["watt hour"]),
    unit(Energy, METRIC, "kcal", "kilocalorie", 4_184.0, &[]),
    unit(Energy, METRIC, "kWh", "kilowatt-hour", 3.6e6, &["kilowatt hour"]),
    // watts
    unit(Power, METRIC, "mW", "milliwatt", 1e-3, &[]),
    unit(Power, METRIC, "W", "watt", 1.0, &[]),
    unit(Power, METRIC, "PS", "metric horsepower", 735.498_75, &[]),
    unit(Power, ENGLISH, "hp", "horsepower", 745.699_871_582_270_2, &[]),
    unit(Power, METRIC, "kW", "kilowatt", 1e3, &[]),
    unit(Power, METRIC, "MW", "megawatt", 1e6, &[]),
    unit(Power, METRIC, "GW", "gigawatt", 1e9, &[]),
    // radians
    unit(Angle, EVERYWHERE, "gon", "gradian", std::f64::consts::PI / 200.0, &["grad"]),
    unit(Angle, EVERYWHERE, "°", "degree", std::f64::consts::PI / 180.0, &["deg"]),
    unit(Angle, EVERYWHERE, "rad", "radian", 1.0, &[]),
    unit(Angle, EVERYWHERE, "turn", "turn", std::f64::consts::TAU, &["revolution"]),
    // bytes
    unit(Data, EVERYWHERE, "bit", "bit", 0.125, &[]),
    unit(Data, EVERYWHERE, "B", "byte", 1.0, &[]),
    unit(Data, METRIC, "kbit", "kilobit", 125.0, &[]),
    unit(Data, METRIC, "kB", "kilobyte", 1e3, &[]),
    unit(Data, BINARY, "KiB", "kibibyte", 1_024.0, &[]),
    unit(Data, METRIC, "Mbit", "megabit", 125e3, &[]),
    unit(Data, METRIC, "MB", "megabyte", 1e6, &[]),
    unit(Data, BINARY, "MiB", "mebibyte", 1_048_576.0, &[]),
    unit(Data, METRIC, "Gbit", "gigabit", 125e6, &[]),
    unit(Data, METRIC, "GB", "gigabyte", 1e9, &[]),
    unit(Data, BINARY, "GiB", "gibibyte", 1_073_741_824.0, &[]),
    unit(Data, METRIC, "TB", "terabyte", 1e12, &[]),
    unit(Data, BINARY, "TiB", "tebibyte", 1_099_511_627_776.0, &[]),
    unit(Data, METRIC, "PB", "petabyte", 1e15, &[]),
    unit(Data, BINARY, "PiB", "pebibyte", 1_125_899_906_842_624.0, &[]),
];

/// The units of a dimension, or all, that are at home in one of the systems; no systems: in any.
pub(crate) fn units(dimension: Option<Dimension>, within: Systems) -> impl Iterator<Item = &'static Unit> {
    UNITS.iter().filter(move |unit| {
        dimension.is_none_or(|wanted| unit.dimension == wanted)
            && (within.is_empty() || unit.systems.intersects(within))
    })
}

/// The unit of that symbol, else of that name. Case tells symbols apart (`mW`, `MW`); it counts for no name, and for a
/// symbol only where another one needs it.
pub(crate) fn find(text: &str) -> Option<&'static Unit> {
    // The Greek letter and the sign for micro look alike and are both typed.
    let text = &text.trim().replace('\u{3bc}', "µ");
    let by_symbol = || UNITS.iter().find(|unit| unit.symbol == text);
    let name = plain(text);
    let by_name = || UNITS.iter().find(|unit| plain(unit.name) == name || unit.aliases.contains(&name.as_str()));
    let mut loosely = UNITS.iter().filter(|unit| unit.symbol.to_lowercase() == text.to_lowercase());
    let by_any_case = || match (loosely.next(), loosely.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    };
    by_symbol().or_else(by_name).or_else(by_any_case)
}

/// A name as it is compared: British spelling, singular, one blank between words.
fn plain(name: &str) -> String {
    let name = name.to_lowercase().replace("meter", "metre").replace("liter", "litre");
    let words: Vec<_> =
        name.split_whitespace().map(|word| if word.len() > 3 { singular(word) } else { word }).collect();
    words.join(" ")
}

fn singular(word: &str) -> &str {
    word.strip_suffix('s')
        .filter(|stem| !stem.ends_with("ps") && *word != *"celsius" && *word != *"inches")
        .unwrap_or(word)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

    use super::*;

    #[test]
    fn every_unit_is_found_by_its_symbol_name_and_aliases() {
        for unit in UNITS {
            for name in [unit.symbol, unit.name].iter().chain(unit.aliases) {
                let found = find(name).unwrap_or_else(|| panic!("{name} is not found"));
                assert_eq!(found.symbol, unit.symbol, "{name}");
            }
        }
    }

    #[test]
    fn units_of_a_dimension_stand_together_smallest_first() {
        let sizes: Vec<_> = UNITS.iter().map(|unit| (unit.dimension as u8, unit.scale)).collect();
        assert!(sizes.is_sorted(), "{sizes:?}");
    }

    #[test]
    fn names_are_found_in_any_case_number_and_spelling() {
        let cases = [
            ("Kilometers", "km"),
            ("MILES", "mi"),
            ("square feet", "ft²"),
            ("liters", "l"),
            ("L", "l"),
            ("degrees celsius", "°C"),
            ("KWH", "kWh"),
            ("μm", "µm"),
            ("kelvins", "K"),
            ("mib", "MiB"),
        ];
        for (text, symbol) in cases {
            assert_eq!(find(text).map(|unit| unit.symbol), Some(symbol), "{text}");
        }
    }

    #[test]
    fn a_symbol_that_needs_its_case_is_not_guessed() {
        assert_eq!(find("mW").unwrap().name, "milliwatt");
        assert_eq!(find("MW").unwrap().name, "megawatt");
        assert!(find("Mw").is_none());
    }

    #[test]
    fn what_is_no_unit_is_not_found() {
        assert!(find("").is_none());
        assert!(find("parsnip").is_none());
    }

    #[test]
    fn systems_narrow_the_list() {
        let of = |within| units(Some(Data), within).map(|unit| unit.symbol).collect::<Vec<_>>();
        assert_eq!(of(BINARY), ["bit", "B", "KiB", "MiB", "GiB", "TiB", "PiB"]);
        assert_eq!(of(Systems::empty()).len(), 15);
        assert_eq!(units(None, Systems::empty()).count(), UNITS.len());
    }
}
