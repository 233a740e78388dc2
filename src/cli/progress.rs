//! Progress on standard error: a bar on a terminal, a plain line every 30 seconds otherwise. It must not know what runs: it
//! asks for figures.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Console;
use crate::flow::{Context, Counters};
use crate::warehouse::validate;

const REDRAW: Duration = Duration::from_millis(200);

/// Seconds between two plain lines, unless the environment variable [`PERIOD`] has another number. 0 means none.
const LINE_EVERY: f64 = 30.0;
const PERIOD: &str = "GENOGATE_PROGRESS";

/// How far something is.
struct Figures {
    done: u64,
    total: Option<u64>,
    /// What else is counted, and its name.
    counts: Vec<(u64, &'static str)>,
}

/// What is counted towards the end.
#[derive(Clone, Copy)]
enum Measure {
    Bytes,
    Rows,
}

/// Shows something that runs until dropped.
pub struct Progress {
    task: tokio::task::JoinHandle<()>,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Shows a run; `bytes` is the whole of its input when known.
    pub fn of_run(console: &Console, context: Arc<Context>, bytes: Option<u64>) -> Self {
        Self::start(console, Measure::Bytes, move || {
            let count = |counter| Counters::get(counter);
            let counters = &context.counters;
            let (records, rows) = (count(&counters.records), count(&counters.variants) + count(&counters.calls));
            Figures { done: count(&counters.bytes_in), total: bytes, counts: vec![(records, "records"), (rows, "rows")] }
        })
    }

    /// Shows a validation.
    pub fn of_validation(console: &Console, validation: Arc<validate::Progress>) -> Self {
        Self::start(console, Measure::Rows, move || {
            let done = validation.rows.load(Ordering::Relaxed);
            let total = Some(validation.total.load(Ordering::Relaxed)).filter(|&total| total > 0);
            Figures { done, total, counts: Vec::new() }
        })
    }

    fn start(console: &Console, measure: Measure, figures: impl Fn() -> Figures + Send + 'static) -> Self {
        if !console.interactive() {
            return Self { task: tokio::spawn(lines(*console, measure, figures)), bar: None };
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        Self { task: tokio::spawn(redraw(bar.clone(), measure, figures)), bar: Some(bar) }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.task.abort();
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

async fn redraw(bar: ProgressBar, measure: Measure, figures: impl Fn() -> Figures) {
    let start = Instant::now();
    // The templates are constants that parse.
    let style = |template| ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style("{spinner} {msg}"));
    loop {
        let figures = figures();
        if let Some(total) = figures.total
            && bar.length() != Some(total)
        {
            bar.set_style(style("{bar:10} {msg}").progress_chars("━╸ "));
            bar.set_length(total);
        }
        let width = terminal_size::terminal_size_of(std::io::stderr()).map_or(80, |(width, _)| usize::from(width.0).max(20));
        // The bar, a blank, and one column that a terminal needs at its end.
        bar.set_message(short(measure, &figures, start.elapsed(), width.saturating_sub(12)));
        bar.set_position(figures.done);
        tokio::time::sleep(REDRAW).await;
    }
}

/// The parts that fit, in order: `12.00 MiB of 48.00 MiB, 30 s left, 1.20 MiB/s, 100 records/s, 300 rows/s`.
fn short(measure: Measure, figures: &Figures, elapsed: Duration, width: usize) -> String {
    let mut parts = vec![amounts(measure, figures)];
    parts.extend(left(figures, elapsed).map(|left| match left {
        Left::Finishing => "finishing".to_owned(),
        Left::Time(Some(time)) => format!("eta {}", clock(time)),
        Left::Time(None) => "eta ?".to_owned(),
    }));
    let speed = per_second(figures.done, elapsed);
    parts.push(match measure {
        Measure::Bytes => format!("{}/s", HumanBytes(speed.0)),
        Measure::Rows => format!("{speed} rows/s"),
    });
    parts.extend(figures.counts.iter().map(|(count, of)| format!("{} {of}/s", per_second(*count, elapsed))));
    let mut line = String::new();
    for part in parts {
        let comma = if line.is_empty() { "" } else { ", " };
        if line.chars().count() + comma.len() + part.chars().count() > width {
            break;
        }
        line.push_str(comma);
        line.push_str(&part);
    }
    line
}

/// `30s`, `5m`, `2h`: rounded to the largest that is one at least.
fn clock(time: Duration) -> String {
    match time.as_secs_f64().round() as u64 {
        seconds @ 0..90 => format!("{}s", seconds.max(1)),
        seconds @ 90..5400 => format!("{}m", (seconds + 30) / 60),
        seconds => format!("{}h", (seconds + 1800) / 3600),
    }
}

/// What remains to be done.
enum Left {
    /// Everything is read: indexes and statistics are made.
    Finishing,
    /// As long as it has gone until now; unknown before anything is done.
    Time(Option<Duration>),
}

fn left(figures: &Figures, elapsed: Duration) -> Option<Left> {
    let total = figures.total?;
    if figures.done >= total {
        return Some(Left::Finishing);
    }
    let share = figures.done as f64 / total.max(1) as f64;
    Some(Left::Time(Duration::try_from_secs_f64(elapsed.as_secs_f64() * (1.0 / share - 1.0)).ok()))
}

fn amounts(measure: Measure, figures: &Figures) -> String {
    let amount = |n: u64| match measure {
        Measure::Bytes => HumanBytes(n).to_string(),
        Measure::Rows => HumanCount(n).to_string(),
    };
    match figures.total {
        Some(total) => format!("{} of {}", amount(figures.done), amount(total)),
        None => amount(figures.done),
    }
}

async fn lines(console: Console, measure: Measure, figures: impl Fn() -> Figures) {
    let period = std::env::var(PERIOD).ok().and_then(|text| text.parse().ok()).unwrap_or(LINE_EVERY);
    let Some(period) = Duration::try_from_secs_f64(period).ok().filter(|period| !period.is_zero()) else { return };
    let start = Instant::now();
    loop {
        tokio::time::sleep(period).await;
        let elapsed = start.elapsed();
        console.remark(line(measure, &figures(), elapsed));
    }
}

/// One plain line: `12 MiB of 48 MiB (25%), 1,000 records (100/s), 3,000 rows (300/s), 30 seconds left`.
fn line(measure: Measure, figures: &Figures, elapsed: Duration) -> String {
    let mut parts = vec![amounts(measure, figures)];
    if let (Some(total), Some(first)) = (figures.total, parts.first_mut()) {
        first.push_str(&format!(" ({:.0}%)", (figures.done as f64 / total.max(1) as f64).min(1.0) * 100.0));
    }
    match figures.counts.as_slice() {
        [] => parts.push(format!("{}/s", per_second(figures.done, elapsed))),
        counts => parts
            .extend(counts.iter().map(|(count, of)| format!("{} {of} ({}/s)", HumanCount(*count), per_second(*count, elapsed)))),
    }
    parts.extend(left(figures, elapsed).map(|left| match left {
        Left::Finishing => "all is read, indexes and statistics are made".to_owned(),
        Left::Time(Some(time)) => format!("{} left", HumanDuration(time)),
        Left::Time(None) => "unknown time left".to_owned(),
    }));
    parts.join(", ")
}

/// A count by the time it took.
pub fn per_second(count: u64, elapsed: Duration) -> HumanCount {
    HumanCount((count as f64 / elapsed.as_secs_f64().max(0.001)) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(done: u64, total: Option<u64>) -> Figures {
        Figures { done, total, counts: vec![(1000, "records"), (3000, "rows")] }
    }

    const MIB: u64 = 1 << 20;
    const TEN: Duration = Duration::from_secs(10);

    #[test]
    fn a_line_tells_amount_rates_and_what_is_left() {
        let said = |measure, done, total| line(measure, &figures(done, total), TEN);
        assert_eq!(
            said(Measure::Bytes, 12 * MIB, Some(48 * MIB)),
            "12.00 MiB of 48.00 MiB (25%), 1,000 records (100/s), 3,000 rows (300/s), 30 seconds left"
        );
        assert_eq!(said(Measure::Bytes, MIB, None), "1.00 MiB, 1,000 records (100/s), 3,000 rows (300/s)");
        let rows = |done| line(Measure::Rows, &Figures { done, total: Some(7), counts: Vec::new() }, TEN);
        assert_eq!(rows(0), "0 of 7 (0%), 0/s, unknown time left");
        assert_eq!(rows(7), "7 of 7 (100%), 0/s, all is read, indexes and statistics are made");
    }

    #[test]
    fn a_bars_line_has_what_fits() {
        let said = |width| short(Measure::Bytes, &figures(12 * MIB, Some(48 * MIB)), TEN, width);
        assert_eq!(said(120), "12.00 MiB of 48.00 MiB, eta 30s, 1.20 MiB/s, 100 records/s, 300 rows/s");
        assert_eq!(said(68), "12.00 MiB of 48.00 MiB, eta 30s, 1.20 MiB/s, 100 records/s");
        assert_eq!(said(30), "12.00 MiB of 48.00 MiB");
        let end = short(Measure::Bytes, &figures(MIB, Some(MIB)), TEN, 68);
        assert!(end.starts_with("1.00 MiB of 1.00 MiB, finishing, "), "{end}");
    }
}
