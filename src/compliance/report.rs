//! What the attacks found, as text and as JSON. It must not know how a control is attacked.

use std::fmt;

use super::control::{Attempt, Control};
use crate::error::{Error, Result};

/// One control after its attacks.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Finding {
    /// The control's name.
    pub control: &'static str,
    /// The rule it serves.
    pub citation: &'static str,
    /// What it promises.
    pub claim: &'static str,
    /// Did every attempt fail to get through?
    pub held: bool,
    /// What was tried and what happened.
    pub attempts: Vec<Attempt>,
}

impl Finding {
    /// The outcome of a control's attempts. No attempt is no proof.
    pub fn new(control: &dyn Control, attempts: Vec<Attempt>) -> Self {
        let held = !attempts.is_empty() && attempts.iter().all(|attempt| attempt.held);
        Self { control: control.id(), citation: control.citation(), claim: control.claim(), held, attempts }
    }
}

/// All findings. `Display` is the text report; `Serialize` the JSON one.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Report {
    held: bool,
    controls: Vec<Finding>,
}

impl Report {
    /// A report of these findings.
    pub fn new(controls: Vec<Finding>) -> Self {
        Self { held: !controls.is_empty() && controls.iter().all(|finding| finding.held), controls }
    }

    /// Did every control hold?
    pub fn held(&self) -> bool {
        self.held
    }

    /// The findings, in the order of the controls.
    pub fn findings(&self) -> &[Finding] {
        &self.controls
    }

    /// Fails with class `integrity` when a control did not hold.
    pub fn require(&self) -> Result<()> {
        let broken: Vec<&str> = self.controls.iter().filter(|finding| !finding.held).map(|finding| finding.control).collect();
        if broken.is_empty() {
            return Ok(());
        }
        Err(Error::integrity(format!("{} of {} controls did not hold: {}", broken.len(), self.controls.len(), broken.join(", ")))
            .with_hint("the report names each attack that worked; `genogate init-db` does not repair what was changed by hand"))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.controls {
            let word = if finding.held { "held  " } else { "BROKEN" };
            writeln!(f, "{word}  {}  ({})", finding.control, finding.citation)?;
            writeln!(f, "        {}", finding.claim)?;
            for attempt in &finding.attempts {
                let mark = if attempt.held { "-" } else { "!" };
                writeln!(f, "        {mark} {}: {}", attempt.attack, attempt.evidence)?;
            }
        }
        let held = self.controls.iter().filter(|finding| finding.held).count();
        write!(f, "{held} of {} controls held", self.controls.len())
    }
}
