//! `demo`: shows the main job and tidies up. It must not know what the demo does.

use super::{Console, scratch};
use crate::demo;
use crate::error::Result;
use crate::run::REIDENTIFICATION;

/// Show the main job on a generated cohort with planted identifiers.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  genogate demo --keep")]
pub struct Command {
    /// Leave folder and database as they are at the end, and say how to use them.
    #[arg(long)]
    keep: bool,
}

impl Command {
    /// Runs the demo in a folder of its own, which is removed however the demo ends.
    pub async fn run(self, console: &Console) -> Result<()> {
        let mut show = |section: demo::Section| {
            console.line(format_args!("\n{}", section.title));
            section.lines.iter().for_each(|line| console.line(format_args!("   {line}")));
        };
        let object = scratch::with_folder(console, "demo", self.keep, async |folder| demo::demo(folder, &mut show).await).await?;
        console.object(object);
        console.line(format_args!("\n{REIDENTIFICATION}"));
        Ok(())
    }
}
