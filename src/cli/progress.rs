//! Progress of a run: a bar on a terminal, a plain line every 30 seconds otherwise, nothing with `--json` on a terminal-less run.
//! It must not know what runs: it reads counters.

use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Console;
use crate::flow::{Context, Counters};

const REDRAW: Duration = Duration::from_millis(200);
const LINE_EVERY: Duration = Duration::from_secs(30);

/// Shows a run until dropped.
pub struct Progress {
    task: tokio::task::JoinHandle<()>,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Starts showing `context`; `bytes` is the whole of the input when known.
    pub fn start(console: &Console, context: Arc<Context>, bytes: Option<u64>) -> Self {
        let console = *console;
        if !console.interactive() {
            return Self { task: tokio::spawn(lines(console, context, bytes)), bar: None };
        }
        let bar = ProgressBar::with_draw_target(bytes, ProgressDrawTarget::stderr());
        let template = match bytes {
            Some(_) => "{bar:30} {bytes}/{total_bytes} {msg} eta {eta}",
            None => "{spinner} {bytes} {msg}",
        };
        // Both templates are constants that parse.
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { task: tokio::spawn(redraw(bar.clone(), context)), bar: Some(bar) }
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

async fn redraw(bar: ProgressBar, context: Arc<Context>) {
    let start = Instant::now();
    loop {
        tokio::time::sleep(REDRAW).await;
        bar.set_position(Counters::get(&context.counters.bytes_in));
        bar.set_message(rates(&context, start.elapsed()));
    }
}

async fn lines(console: Console, context: Arc<Context>, bytes: Option<u64>) {
    let start = Instant::now();
    loop {
        tokio::time::sleep(LINE_EVERY).await;
        let done = Counters::get(&context.counters.bytes_in);
        let of = bytes.map_or(String::new(), |bytes| format!(" of {}", HumanBytes(bytes)));
        console.remark(format_args!("{}{of}, {}", HumanBytes(done), rates(&context, start.elapsed())));
    }
}

fn rates(context: &Context, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64().max(0.001);
    let records = Counters::get(&context.counters.records);
    let rows = Counters::get(&context.counters.variants) + Counters::get(&context.counters.calls);
    format!("{records} records ({:.0}/s), {rows} rows committed ({:.0}/s)", records as f64 / seconds, rows as f64 / seconds)
}
