//! Spans of whole seconds, exact over the whole range of 64 bits.

use crate::bindings::exports::example::units::counts::Span;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const WEEK: u64 = 7 * DAY;

/// Seconds as days, hours, minutes and seconds.
pub(crate) fn split(seconds: i64) -> Span {
    let left = seconds.unsigned_abs();
    // Remainders below 60 fit.
    let part = |unit: u64, of: u64| u8::try_from(left % of / unit).unwrap_or(u8::MAX);
    Span {
        negative: seconds < 0,
        days: left / DAY,
        hours: part(HOUR, DAY),
        minutes: part(MINUTE, HOUR),
        seconds: part(1, MINUTE),
    }
}

/// Seconds of a span such as `1d 2h` or `-90m`.
pub(crate) fn parse(text: &str) -> Result<i64, String> {
    let text = text.trim();
    let (negative, mut rest) = text.strip_prefix(['-', '−']).map_or((false, text), |rest| (true, rest));
    let no_span = || format!("`{text}` is no span: write for example `1d 2h 30m`");
    let too_long = || format!("`{text}` is more seconds than 64 bits can count");
    let mut total = 0_i128;
    if rest.is_empty() {
        return Err(no_span());
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(no_span)?;
        let (digits, after) = rest.split_at_checked(end).ok_or_else(no_span)?;
        let after = after.trim_start();
        let end = after.find(|c: char| !c.is_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(end).ok_or_else(no_span)?;
        let count: u64 = match digits {
            "" => return Err(no_span()),
            digits => digits.parse().map_err(|_| too_long())?,
        };
        let length =
            seconds_of(unit).ok_or_else(|| format!("`{unit}` in `{text}` is no unit of time: use w, d, h, m or s"))?;
        total += i128::from(count) * i128::from(length);
        rest = after.trim_start();
        if total > i128::from(u64::MAX) {
            return Err(too_long());
        }
    }
    i64::try_from(if negative { -total } else { total }).map_err(|_| too_long())
}

fn seconds_of(unit: &str) -> Option<u64> {
    Some(match unit {
        "w" | "week" | "weeks" => WEEK,
        "d" | "day" | "days" => DAY,
        "h" | "hour" | "hours" => HOUR,
        "m" | "min" | "minute" | "minutes" => MINUTE,
        "s" | "sec" | "second" | "seconds" => 1,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_split_into_their_parts() {
        let span = Span { negative: true, days: 1, hours: 2, minutes: 3, seconds: 4 };
        assert_eq!(split(-93_784), span);
        assert_eq!(split(0), Span { negative: false, days: 0, hours: 0, minutes: 0, seconds: 0 });
        assert_eq!(split(i64::MIN).days, 106_751_991_167_300);
    }

    #[test]
    fn spans_are_read_exactly() {
        let cases = [
            ("90m", 5_400),
            ("-1h30m", -5_400),
            ("1d 2 hours", 93_600),
            ("2w", 1_209_600),
            ("0s", 0),
            ("9223372036854775807s", i64::MAX),
            ("-9223372036854775808s", i64::MIN),
        ];
        for (text, seconds) in cases {
            assert_eq!(parse(text), Ok(seconds), "{text}");
        }
    }

    #[test]
    fn what_is_no_span_is_refused_with_its_reason() {
        let cases = [
            ("", "no span"),
            ("-", "no span"),
            ("5", "no span"),
            ("h", "no span"),
            ("5 moons", "`moons`"),
            ("9223372036854775808s", "64 bits"),
            ("99999999999999999999s", "64 bits"),
        ];
        for (text, reason) in cases {
            assert!(parse(text).is_err_and(|error| error.contains(reason)), "{text}: {:?}", parse(text));
        }
    }
}
