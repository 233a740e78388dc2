//! What the command line writes: one JSON object or readable text on standard output, logs on standard error.
//! It must not know what it shows.

use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

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
            write_out(&text.to_string());
        }
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
            false => text,
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

/// A closed standard output (`| head`) is the reader's wish, not an error.
fn write_out(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}
