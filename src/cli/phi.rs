//! `genogate phi`: what the detection of identifiers looks for. It must not know how it searches.

use serde_json::json;

use super::Console;
use crate::error::Result;
use crate::phi::patterns;
use crate::sensitive::Severity;

/// Shows what the detection of identifiers looks for.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: genogate phi patterns list")]
pub struct Command {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// The patterns that `detect` knows.
    #[command(subcommand)]
    Patterns(Patterns),
}

#[derive(Debug, clap::Subcommand)]
enum Patterns {
    /// Lists the built-in patterns, the gravest first.
    #[command(after_help = "Example: genogate phi patterns list --json")]
    List,
}

impl Command {
    /// Prints the list.
    pub fn run(self, console: &Console) -> Result<()> {
        let What::Patterns(Patterns::List) = self.what;
        for severity in Severity::ALL.into_iter().rev() {
            for pattern in patterns::all().filter(|pattern| pattern.severity == severity) {
                console.line(format_args!("{:<9} {:<21} {}", severity.name(), pattern.id, pattern.description));
            }
        }
        let patterns: Vec<_> = patterns::all()
            .map(|p| json!({"id": p.id, "severity": p.severity, "description": p.description, "regex": p.regex, "examples": p.examples}))
            .collect();
        console.object(json!({ "patterns": patterns }));
        Ok(())
    }
}
