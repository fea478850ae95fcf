//! Small charts, drawn as SVG where the page is made.
//!
//! Contract: a chart shows its values from zero to the largest of them and says in words what it shows; those that only
//! repeat the table in which they stand are hidden from screen readers. Colours and sizes are the style sheet's, so that a chart
//! follows dark and light, and nothing in it is a style or a script. What is no number is drawn as zero. Price: one
//! string per chart, some tens of bytes per value.

use std::fmt::Write as _;

use askama::filters::{Html, HtmlSafeOutput, escape};

/// Markup that templates take as it is.
pub(crate) type Svg = HtmlSafeOutput<String>;

/// Width of every drawing, in its own units: the style sheet says how wide that is.
const WIDTH: f64 = 100.0;

/// Height of lines and bars over time.
const HEIGHT: f64 = 24.0;

/// Height of drawings that are one bar.
const FLAT: f64 = 6.0;

/// How much of its place a bar fills. The rest parts it from the next.
const FILL: f64 = 0.8;

/// The least that something which is there is shown as, so that it is seen.
const LEAST: f64 = 0.6;

/// `values` as a line, the oldest first.
pub(crate) fn sparkline(values: &[f64], label: &str) -> Svg {
    let step = WIDTH / last_place(values);
    let mut line = String::new();
    for (at, share) in shares(values).enumerate() {
        let _ = write!(line, " {:.1},{:.1}", at as f64 * step, height_of(share));
    }
    // One value is a level, not a point.
    if values.len() == 1 {
        let _ = write!(line, " {WIDTH},{:.1}", shares(values).map(height_of).sum::<f64>());
    }
    let line = line.trim_start();
    labelled(
        "sparkline",
        HEIGHT,
        label,
        &format!(
            "<polygon class=\"chart-area\" points=\"0,{HEIGHT} {line} {WIDTH},{HEIGHT}\"/>\
             <polyline class=\"chart-line\" points=\"{line}\" fill=\"none\" vector-effect=\"non-scaling-stroke\"/>"
        ),
    )
}

/// `values` as bars, the oldest first.
pub(crate) fn bars(values: &[f64], label: &str) -> Svg {
    let step = WIDTH / values.len().max(1) as f64;
    let mut drawn = String::new();
    for (at, share) in shares(values).enumerate().filter(|(_, share)| *share > 0.0) {
        let height = (share * HEIGHT).max(LEAST);
        let _ = write!(
            drawn,
            "<rect class=\"chart-bar\" x=\"{:.2}\" y=\"{:.1}\" width=\"{:.2}\" height=\"{height:.1}\"/>",
            at as f64 * step,
            HEIGHT - height,
            step * FILL,
        );
    }
    labelled("bars", HEIGHT, label, &drawn)
}

/// How much of `limit` is used, and how much more is reserved.
pub(crate) fn gauge(used: u64, reserved: u64, limit: u64, label: &str) -> Svg {
    let whole = limit.max(1) as f64;
    let used_width = (used as f64 / whole).min(1.0) * WIDTH;
    let reserved_width = (reserved as f64 / whole * WIDTH).min(WIDTH - used_width);
    let state = if used >= limit { "chart-over" } else { "chart-used" };
    labelled(
        "gauge",
        FLAT,
        label,
        &format!(
            "<rect class=\"chart-track\" width=\"{WIDTH}\" height=\"{FLAT}\"/>\
             <rect class=\"{state}\" width=\"{used_width:.2}\" height=\"{FLAT}\"/>\
             <rect class=\"chart-reserved\" x=\"{used_width:.2}\" width=\"{reserved_width:.2}\" height=\"{FLAT}\"/>"
        ),
    )
}

/// When something was, in the time of what it was part of: for rows that say it in numbers as well.
pub(crate) fn span(start: u64, length: u64, whole: u64, failed: bool) -> Svg {
    let whole = whole.max(start.saturating_add(length)).max(1) as f64;
    let width = (length as f64 / whole * WIDTH).max(LEAST);
    let x = (start as f64 / whole * WIDTH).min(WIDTH - width);
    let class = if failed { "chart-over" } else { "chart-used" };
    drawing(
        "span",
        FLAT,
        "aria-hidden=\"true\"",
        &format!(
            "<rect class=\"chart-track\" width=\"{WIDTH}\" height=\"{FLAT}\"/>\
             <rect class=\"{class}\" x=\"{x:.2}\" width=\"{width:.2}\" height=\"{FLAT}\"/>"
        ),
    )
}

/// Each value as a share of the largest.
fn shares(values: &[f64]) -> impl Iterator<Item = f64> {
    let clean = |value: &f64| if value.is_finite() { value.max(0.0) } else { 0.0 };
    let largest = values.iter().map(clean).fold(0.0, f64::max);
    values.iter().map(move |value| if largest > 0.0 { clean(value) / largest } else { 0.0 })
}

/// Where a share of the largest value lies, counted from the top. Half a unit is left for the line's own width.
fn height_of(share: f64) -> f64 {
    HEIGHT - 0.5 - share * (HEIGHT - 1.0)
}

fn last_place(values: &[f64]) -> f64 {
    values.len().saturating_sub(1).max(1) as f64
}

fn labelled(class: &str, height: f64, label: &str, inside: &str) -> Svg {
    // Infallible: texts are always escaped.
    let label = escape(label, Html).map(|label| label.to_string()).unwrap_or_default();
    drawing(class, height, &format!("role=\"img\" aria-label=\"{label}\""), inside)
}

fn drawing(class: &str, height: f64, said: &str, inside: &str) -> Svg {
    HtmlSafeOutput(format!(
        "<svg class=\"chart {class}\" viewBox=\"0 0 {WIDTH} {height}\" preserveAspectRatio=\"none\" focusable=\"false\" {said}>{inside}</svg>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(svg: &Svg) -> Vec<(f64, f64)> {
        let line = svg.0.split("<polyline").nth(1).unwrap().split("points=\"").nth(1).unwrap();
        let line = line.split('"').next().unwrap();
        let number = |text: &str| text.parse().unwrap();
        line.split(' ').map(|point| point.split_once(',').unwrap()).map(|(x, y)| (number(x), number(y))).collect()
    }

    #[test]
    fn a_line_reaches_from_edge_to_edge_and_from_zero_to_the_largest() {
        assert_eq!(points(&sparkline(&[0.0, 5.0, 10.0], "runs")), [(0.0, 23.5), (50.0, 12.0), (100.0, 0.5)]);
    }

    #[test]
    fn values_that_are_few_equal_or_no_numbers_make_a_drawing() {
        for values in
            [&[][..], &[0.0; 4], &[7.0], &[f64::NAN, f64::INFINITY, -3.0, 2.0], &[f64::MAX, f64::MIN_POSITIVE]]
        {
            for svg in [sparkline(values, "x"), bars(values, "x")] {
                assert!(!svg.0.contains("NaN") && !svg.0.contains("inf"), "{values:?}: {}", svg.0);
            }
        }
        assert_eq!(points(&sparkline(&[7.0], "x")), [(0.0, 0.5), (100.0, 0.5)]);
        assert_eq!(
            bars(&[0.0, 1.0, 1e-9], "x").0.matches("<rect").count(),
            2,
            "what is there is seen, what is zero is not"
        );
    }

    #[test]
    fn what_a_chart_says_is_text_and_no_markup() {
        let svg = sparkline(&[1.0], "\"><script>alert(1)</script>");
        assert!(!svg.0.contains("<script") && !svg.0.contains("\"\">"), "{}", svg.0);
        assert!(svg.0.contains("role=\"img\""));
    }

    #[test]
    fn a_gauge_never_leaves_its_track() {
        for (used, reserved, limit) in [(0, 0, 0), (50, 80, 100), (300, 10, 100), (u64::MAX, u64::MAX, 1)] {
            let svg = gauge(used, reserved, limit, "tokens").0;
            let widths: Vec<f64> =
                svg.split(" width=\"").skip(1).map(|rest| rest.split('"').next().unwrap().parse().unwrap()).collect();
            assert!(widths.len() == 3 && widths[1] + widths[2] <= WIDTH + 0.01, "{used} {reserved} {limit}: {svg}");
            assert_eq!(svg.contains("chart-over"), used >= limit);
        }
    }

    #[test]
    fn a_span_lies_within_the_whole_and_is_seen_however_short() {
        for (start, length, whole) in [(0, 0, 0), (10, 5, 20), (99, 0, 100), (30, 5, 20), (u64::MAX, 9, 5)] {
            let svg = span(start, length, whole, false).0;
            let value = |name: &str| -> f64 {
                let rest = svg.rsplit(&format!(" {name}=\"")).next().unwrap();
                rest.split('"').next().unwrap().parse().unwrap()
            };
            let (x, width) = (value("x"), value("width"));
            assert!(x >= 0.0 && width >= LEAST && x + width <= WIDTH + 0.01, "{start} {length} {whole}: {svg}");
        }
    }
}
