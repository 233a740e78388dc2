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
    /// Rates, after `done` of `total`.
    rates: String,
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
        Self::start(console, Measure::Bytes, move |elapsed| {
            let count = |counter| Counters::get(counter);
            let counters = &context.counters;
            let (records, rows) = (count(&counters.records), count(&counters.variants) + count(&counters.calls));
            let rates = format!("{}, {}", rate(records, "records", elapsed), rate(rows, "rows", elapsed));
            Figures { done: count(&counters.bytes_in), total: bytes, rates }
        })
    }

    /// Shows a validation.
    pub fn of_validation(console: &Console, validation: Arc<validate::Progress>) -> Self {
        Self::start(console, Measure::Rows, move |elapsed| {
            let done = validation.rows.load(Ordering::Relaxed);
            let total = Some(validation.total.load(Ordering::Relaxed)).filter(|&total| total > 0);
            Figures { done, total, rates: format!("{}/s", per_second(done, elapsed)) }
        })
    }

    fn start(console: &Console, measure: Measure, figures: impl Fn(Duration) -> Figures + Send + 'static) -> Self {
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

fn style(measure: Measure, total: bool) -> ProgressStyle {
    let template = match (measure, total) {
        (Measure::Bytes, true) => "{bar:20} {bytes} of {total_bytes}, {binary_bytes_per_sec}, {msg}, eta {eta}",
        (Measure::Bytes, false) => "{spinner} {bytes}, {binary_bytes_per_sec}, {msg}",
        (Measure::Rows, true) => "{bar:20} {human_pos} of {human_len} rows, {msg}, eta {eta}",
        (Measure::Rows, false) => "{spinner} {human_pos} rows, {msg}",
    };
    // The templates are constants that parse.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━╸ ")
}

async fn redraw(bar: ProgressBar, measure: Measure, figures: impl Fn(Duration) -> Figures) {
    let start = Instant::now();
    bar.set_style(style(measure, false));
    loop {
        let Figures { done, total, rates } = figures(start.elapsed());
        if let Some(total) = total
            && bar.length() != Some(total)
        {
            bar.set_style(style(measure, true));
            bar.set_length(total);
        }
        bar.set_message(rates);
        bar.set_position(done);
        tokio::time::sleep(REDRAW).await;
    }
}

async fn lines(console: Console, measure: Measure, figures: impl Fn(Duration) -> Figures) {
    let period = std::env::var(PERIOD).ok().and_then(|text| text.parse().ok()).unwrap_or(LINE_EVERY);
    let Some(period) = Duration::try_from_secs_f64(period).ok().filter(|period| !period.is_zero()) else { return };
    let start = Instant::now();
    loop {
        tokio::time::sleep(period).await;
        let elapsed = start.elapsed();
        console.remark(line(measure, &figures(elapsed), elapsed));
    }
}

/// One plain line: `12 MiB of 48 MiB (25%), 1,000 records (100/s), 3,000 rows (300/s), 30 seconds left`.
fn line(measure: Measure, figures: &Figures, elapsed: Duration) -> String {
    let Figures { done, total, rates } = figures;
    let amount = |n: u64| match measure {
        Measure::Bytes => HumanBytes(n).to_string(),
        Measure::Rows => HumanCount(n).to_string(),
    };
    let Some(total) = *total else { return format!("{}, {rates}", amount(*done)) };
    let share = *done as f64 / total.max(1) as f64;
    let left = elapsed.as_secs_f64() * (1.0 / share - 1.0);
    let left = Duration::try_from_secs_f64(left).map_or_else(|_| "unknown time".into(), |left| HumanDuration(left).to_string());
    format!("{} of {} ({:.0}%), {rates}, {left} left", amount(*done), amount(total), share * 100.0)
}

fn rate(count: u64, of: &str, elapsed: Duration) -> String {
    format!("{} {of} ({}/s)", HumanCount(count), per_second(count, elapsed))
}

/// A count by the time it took.
pub fn per_second(count: u64, elapsed: Duration) -> HumanCount {
    HumanCount((count as f64 / elapsed.as_secs_f64().max(0.001)) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_amount_rates_and_what_is_left() {
        let figures = |done, total| Figures { done, total, rates: rate(1000, "records", Duration::from_secs(10)) };
        let said = |measure, done, total| line(measure, &figures(done, total), Duration::from_secs(10));
        let mib = 1 << 20;
        assert_eq!(
            said(Measure::Bytes, 12 * mib, Some(48 * mib)),
            "12.00 MiB of 48.00 MiB (25%), 1,000 records (100/s), 30 seconds left"
        );
        assert_eq!(said(Measure::Bytes, mib, None), "1.00 MiB, 1,000 records (100/s)");
        assert_eq!(said(Measure::Rows, 0, Some(7)), "0 of 7 (0%), 1,000 records (100/s), unknown time left");
    }
}
