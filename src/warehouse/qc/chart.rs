//! Charts as SVG that scales with its column and takes its colours from the page. It must not know what is drawn.

use std::fmt::Write;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 56.0;
const BOTTOM: f64 = 34.0;
const TOP: f64 = 10.0;

/// Text inside markup.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A bar: what stands below it, what it is called when pointed at, and its parts from below.
pub struct Bar {
    pub label: String,
    pub title: String,
    pub parts: Vec<u64>,
}

/// A bar chart; labels are thinned out where they would touch.
pub fn bars(about: &str, axis: &str, bars: &[Bar]) -> String {
    let most = bars.iter().map(|bar| bar.parts.iter().sum::<u64>()).max().unwrap_or(0).max(1);
    let (top, step) = scale(most as f64);
    let mut svg = frame(about, axis, top, step);
    let slot = (WIDTH - LEFT - 8.0) / bars.len().max(1) as f64;
    let longest = bars.iter().map(|bar| bar.label.chars().count()).max().unwrap_or(1) as f64;
    let every = ((longest * 7.0 + 8.0) / slot).ceil().max(1.0) as usize;
    for (at, bar) in bars.iter().enumerate() {
        let x = LEFT + slot * at as f64;
        let mut below = 0;
        let _ = write!(svg, "<g><title>{}</title>", escaped(&bar.title));
        for (part, count) in bar.parts.iter().enumerate() {
            let (from, to) = (height(below as f64, top), height((below + count) as f64, top));
            let width = (slot * 0.86).max(0.5);
            let _ = write!(
                svg,
                "<rect class=\"p{part}\" x=\"{:.1}\" y=\"{to:.1}\" width=\"{width:.1}\" height=\"{:.1}\"/>",
                x + slot * 0.07,
                (from - to).max(0.0)
            );
            below += count;
        }
        svg.push_str("</g>");
        if at % every == 0 {
            let _ = write!(
                svg,
                "<text class=\"tick\" text-anchor=\"middle\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                x + slot / 2.0,
                HEIGHT - BOTTOM + 14.0,
                escaped(&bar.label)
            );
        }
    }
    svg + "</svg>"
}

/// A dot: its value, what it is called when pointed at, and its class of colour.
pub struct Dot {
    pub value: f64,
    pub title: String,
    pub class: usize,
}

/// A value a sample, in the samples' order.
pub fn dots(about: &str, axis: &str, dots: &[Dot]) -> String {
    let most = dots.iter().map(|dot| dot.value).fold(0.0, f64::max);
    let (top, step) = scale(if most > 0.0 { most } else { 1.0 });
    let mut svg = frame(about, axis, top, step);
    let slot = (WIDTH - LEFT - 8.0) / dots.len().max(1) as f64;
    let radius = (slot / 3.0).clamp(1.5, 4.0);
    for (at, dot) in dots.iter().enumerate() {
        let (x, y) = (LEFT + slot * (at as f64 + 0.5), height(dot.value, top));
        let _ = write!(
            svg,
            "<circle class=\"p{}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\"><title>{}</title></circle>",
            dot.class,
            escaped(&dot.title)
        );
    }
    svg + "</svg>"
}

/// Where a value stands.
fn height(value: f64, top: f64) -> f64 {
    HEIGHT - BOTTOM - value / top * (HEIGHT - BOTTOM - TOP)
}

/// The axis: its end, and the distance between lines, of which there are five at most.
fn scale(most: f64) -> (f64, f64) {
    let magnitude = 10f64.powf((most / 5.0).log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|by| by * magnitude).find(|step| most / step <= 5.0).unwrap_or(most);
    ((most / step).ceil().max(1.0) * step, step)
}

fn frame(about: &str, axis: &str, top: f64, step: f64) -> String {
    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">", escaped(about));
    let mut line = 0.0;
    while line <= top + step / 2.0 {
        let y = height(line, top);
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text class=\"tick\" text-anchor=\"end\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            LEFT - 6.0,
            y + 4.0,
            number(line)
        );
        line += step;
    }
    let _ = write!(
        svg,
        "<text class=\"axis\" text-anchor=\"middle\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
        (LEFT + WIDTH) / 2.0,
        HEIGHT - 4.0,
        escaped(axis)
    );
    svg
}

/// `1200000` as `1.2M`.
fn number(value: f64) -> String {
    let short = |value: f64| format!("{value:.2}").trim_end_matches('0').trim_end_matches('.').to_owned();
    match value {
        value if value >= 1e9 => short(value / 1e9) + "G",
        value if value >= 1e6 => short(value / 1e6) + "M",
        value if value >= 1e4 => short(value / 1e3) + "k",
        value => short(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_has_round_lines_and_holds_the_highest() {
        assert_eq!(scale(1.0), (1.0, 0.2));
        assert_eq!(scale(48.0), (50.0, 10.0));
        assert_eq!(scale(1234.0), (1500.0, 500.0));
        assert_eq!((number(1_200_000.0), number(0.2), number(15_000.0)), ("1.2M".into(), "0.2".into(), "15k".into()));
    }

    #[test]
    fn a_text_is_no_markup() {
        let bar = Bar { label: "<b>".into(), title: "\"&".into(), parts: vec![3] };
        let svg = bars("about", "axis", &[bar]);
        assert!(svg.contains("&lt;b&gt;") && svg.contains("&quot;&amp;") && !svg.contains("<b>"));
    }
}
