//! `genogate doctor`: what this machine has and lacks. It must not know how it is found out.

use std::path::PathBuf;

use serde_json::json;

use super::Console;
use super::door::Which;
use crate::doctor::examine;
use crate::error::{Error, Result};

/// Looks at processors, memory, disk and key rings of this machine, and at the managed PostgreSQL, or at the server that is named
/// instead: TLS, migrations, settings of its roles. Changes nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  genogate doctor\n  genogate doctor --pipeline clinic.yaml")]
pub struct Command {
    /// Data home to look at, instead of GENOGATE_HOME or the usual one.
    #[arg(long, value_name = "FOLDER")]
    home: Option<PathBuf>,
    #[command(flatten)]
    which: Which,
}

impl Command {
    /// Prints one line a check. Ends with class `failed` when something is not as it should be.
    pub async fn run(self, console: &Console) -> Result<()> {
        let home = self.home.map_or_else(crate::secrets::home, Ok)?;
        let (databases, name) = self.which.resolve(&home)?;
        let checks = examine(&home, &databases, &name).await;
        let bad = checks.iter().filter(|check| !check.ok).count();
        console.object(json!({ "ok": bad == 0, "checks": checks }));
        for check in &checks {
            let mark = if check.ok { "ok  " } else { "LACK" };
            console.line(format_args!("{mark}  {:<18}{}", check.name, check.what));
            if let Some(hint) = &check.hint {
                console.line(format_args!("      {:<18}→ {hint}", ""));
            }
        }
        if bad > 0 {
            return Err(Error::failed(format!("{bad} of {} checks found something lacking", checks.len())));
        }
        Ok(())
    }
}
