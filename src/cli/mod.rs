//! The command line: arguments in, text out. The only room that prints.

mod console;
pub mod doctor;
pub mod synth;

pub use console::Console;

/// Runs the command line of this process.
pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::from(2)
}
