//! What the command line writes: one JSON object or readable text on standard output, logs on standard error.
//! It must not know what it shows.

use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::layout::{self, Heading};
use super::names;
use crate::error::Error;

/// Was a JSON object printed? There is one standard output in a process.
static TOLD: AtomicBool = AtomicBool::new(false);

/// Where a command's result goes.
#[derive(Clone, Copy, Debug)]
pub struct Console {
    /// One JSON object on standard output instead of text.
    pub json: bool,
    /// Remarks are lines of the JSON log.
    pub log_json: bool,
}

impl Console {
    /// Prints the command's JSON object when `--json` was asked, nothing otherwise.
    pub fn object(&self, value: serde_json::Value) {
        if self.json {
            TOLD.store(true, Ordering::Relaxed);
            write_out(&value.to_string());
        }
    }

    /// Was the command's JSON object printed already? A failure that follows is then told on standard error, so that there is one.
    pub fn told(&self) -> bool {
        TOLD.load(Ordering::Relaxed)
    }

    /// Prints a line of text unless `--json` was asked.
    pub fn line(&self, text: impl Display) {
        if !self.json {
            write_out(&laid_out(text.to_string(), std::io::stdout()));
        }
    }

    /// Prints a table unless `--json` was asked.
    pub fn table<const N: usize>(&self, header: &[Heading; N], rows: &[[String; N]]) {
        layout::table(header, rows, self.width()).iter().for_each(|line| self.line(line));
    }

    /// Columns of the terminal that standard output is.
    pub fn width(&self) -> Option<usize> {
        width(std::io::stdout())
    }

    /// Prints bytes that are a file of their own (a completion script, a manual page), whatever was asked.
    pub fn raw(&self, bytes: &[u8]) {
        let _ = std::io::stdout().lock().write_all(bytes);
    }

    /// Standard output for a result that is written as it comes. Once something is written, the command's JSON object counts as
    /// printed.
    pub fn stdout(&self) -> impl Write + Send + use<> {
        struct Told(std::io::Stdout);
        impl Write for Told {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                TOLD.store(true, Ordering::Relaxed);
                self.0.write(bytes)
            }
            fn flush(&mut self) -> std::io::Result<()> {
                self.0.flush()
            }
        }
        Told(std::io::stdout())
    }

    /// Is somebody looking at standard output?
    pub fn is_terminal(&self) -> bool {
        std::io::stdout().is_terminal()
    }

    /// Is somebody looking at standard error?
    pub fn interactive(&self) -> bool {
        std::io::stderr().is_terminal()
    }

    /// Asks whoever sits at the terminal; false where nobody does.
    pub fn agrees(&self, question: &str) -> bool {
        if !(self.interactive() && std::io::stdin().is_terminal()) {
            return false;
        }
        let _ = write!(std::io::stderr().lock(), "{question} [y/N] ");
        let mut answer = String::new();
        let read = std::io::stdin().read_line(&mut answer);
        read.is_ok() && ["y", "yes"].contains(&answer.trim().to_lowercase().as_str())
    }

    /// Prints a remark on standard error: progress in batch logs, notices.
    pub fn remark(&self, text: impl Display) {
        self.log("INFO", text, json!({}));
    }

    /// A remark about what somebody should look at. `fields`: what it is about, in the JSON log: `load_id`, `input`.
    pub fn warn(&self, text: impl Display, fields: Value) {
        self.log("WARN", text, fields);
    }

    /// Tells a failure on standard error: its text and what to do, or one event of the JSON log.
    pub fn error(&self, error: &Error) {
        if self.log_json {
            let mut fields = told(error);
            fields.as_object_mut().into_iter().for_each(|fields| fields.retain(|_, value| !value.is_null()));
            return self.log("ERROR", error, fields);
        }
        self.remark(format_args!("error: {error}"));
        if let Some(hint) = error.hint() {
            self.remark(format_args!("  {hint}"));
        }
    }

    fn log(&self, level: &str, text: impl Display, fields: Value) {
        let text = text.to_string();
        let line = match self.log_json {
            true => {
                let mut fields = fields;
                fields["message"] = json!(text);
                json!({"timestamp": chrono::Utc::now(), "level": level, "fields": fields}).to_string()
            }
            false => laid_out(text, std::io::stderr()),
        };
        // A closed standard error must not end a load.
        let _ = writeln!(std::io::stderr().lock(), "{line}");
    }
}

/// A failure as a JSON object.
pub(super) fn told(error: &Error) -> Value {
    json!({
        "class": error.class(), "message": error.to_string(), "hint": error.hint(), "sqlstate": error.sqlstate(),
        "load_id": error.load_id(), "input": error.input_number(), "exit_code": error.class().exit_code(),
    })
}

/// Columns of a terminal.
fn width(of: impl std::os::fd::AsFd) -> Option<usize> {
    terminal_size::terminal_size_of(of).map(|(width, _)| usize::from(width.0)).filter(|width| *width > 0)
}

/// A text as it is shown: as it is, or for a terminal with paths, in lines that fit, with colour where it is wanted.
fn laid_out(text: String, to: impl IsTerminal + std::os::fd::AsFd) -> String {
    if !to.is_terminal() {
        return text;
    }
    let text = names::by_path(&text);
    let text = width(to).map_or_else(|| text.clone(), |width| layout::wrapped(&text, width));
    if has_colour() { layout::coloured(&text) } else { text }
}

/// Does the terminal's user want colour? (<https://no-color.org>)
fn has_colour() -> bool {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    set("NO_COLOR").is_none() && set("TERM").is_some_and(|term| term != "dumb")
}

/// A closed standard output (`| head`) is the reader's wish, not an error.
fn write_out(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}
