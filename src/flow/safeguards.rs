//! What a pipeline does for the safety of what passes it, as plan, report and the list of loads tell it. It must not know how.

use serde::{Deserialize, Serialize};

/// What is searched for identifiers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scanned {
    /// Nothing: that nothing was found says nothing.
    #[default]
    Nothing,
    /// Header lines and names.
    Headers,
    /// Header lines, names and every text value.
    Full,
}

impl Scanned {
    /// The word used in files and reports.
    pub fn name(self) -> &'static str {
        ["nothing", "headers", "full"][self as usize]
    }
}

/// Columns that do not reach the sink, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    pub stage: String,
    pub why: String,
    /// Those whose names may be told.
    pub columns: Vec<String>,
    /// How many there are, with those whose names may not.
    pub count: usize,
}

/// What one stage does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Safeguard {
    pub scanned: Scanned,
    pub dropped: Vec<Dropped>,
}

/// What all stages do, and what the planner proved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Safeguards {
    pub profile: &'static str,
    pub scanned: Scanned,
    pub dropped: Vec<Dropped>,
}

impl Safeguards {
    /// Adds a stage's.
    pub fn add(&mut self, stage: Safeguard) {
        self.scanned = self.scanned.max(stage.scanned);
        self.dropped.extend(stage.dropped);
    }
}

impl std::fmt::Display for Dropped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const SHOWN: usize = 12;
        let shown: Vec<&str> = self.columns.iter().take(SHOWN).map(String::as_str).collect();
        match (self.count - shown.len(), shown.is_empty()) {
            (more, true) => write!(f, "{more} {}", if more == 1 { "column" } else { "columns" })?,
            (0, false) => f.write_str(&shown.join(", "))?,
            (more, false) => write!(f, "{} and {more} more", shown.join(", "))?,
        }
        write!(f, " ({}: {})", self.stage, self.why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_is_told_by_name_or_by_number() {
        let dropped = |columns: &[&str], count| Dropped {
            stage: "sanitize".into(),
            why: "text".into(),
            columns: columns.iter().map(|name| (*name).to_owned()).collect(),
            count,
        };
        assert_eq!(dropped(&["info.NOTE", "info.X"], 2).to_string(), "info.NOTE, info.X (sanitize: text)");
        assert_eq!(dropped(&[], 3).to_string(), "3 columns (sanitize: text)");
        assert_eq!(dropped(&["a"; 14], 14).to_string().matches("and 2 more").count(), 1);
    }

    #[test]
    fn the_widest_search_counts() {
        let mut all = Safeguards::default();
        all.add(Safeguard { scanned: Scanned::Full, ..Safeguard::default() });
        all.add(Safeguard { scanned: Scanned::Headers, ..Safeguard::default() });
        assert_eq!(all.scanned.name(), "full");
    }
}
