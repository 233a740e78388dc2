//! Where in its file a record lies that was read by an index, for the sake of those who must mend it. Counts from the file's
//! begin, once. It must not know why somebody asks.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, Result};
use crate::source::vcf::split::spans::Blocks;
use crate::source::vcf::split::{Spans, Virtual};

/// Finds lines, or records of BCF.
pub(crate) struct Lines {
    file: Arc<File>,
    spans: Arc<Spans>,
    /// Lines of the header: the first unit counts them as its own.
    header: u64,
    binary: bool,
    /// Lines before places.
    known: Mutex<BTreeMap<Virtual, u64>>,
}

impl Lines {
    pub(crate) fn new(file: Arc<File>, spans: Arc<Spans>, header: u64, binary: bool) -> Self {
        let known = Mutex::new([(spans.records, header)].into());
        Self { file, spans, header, binary, known }
    }

    /// The line (0-based) within the file of line `line` of a unit.
    pub(crate) fn find(&self, unit: u32, line: u64) -> Result<u64> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut left = line - if unit == 0 { self.header.min(line) } else { 0 };
        let spans = self.spans.unit(unit);
        for (i, span) in spans.iter().enumerate() {
            let begin = self.before(&mut known, span.begin)?;
            let own = self.before(&mut known, span.end)? - begin;
            // The file's last line may have no line ending.
            if left < own || i + 1 == spans.len() {
                return Ok(begin + left);
            }
            left -= own;
        }
        Err(Error::internal("a line of a unit without records"))
    }

    fn before(&self, known: &mut BTreeMap<Virtual, u64>, place: Virtual) -> Result<u64> {
        let Some((from, lines)) = known.range(..=place).next_back().map(|(from, lines)| (*from, *lines)) else {
            return Err(Error::internal("a record before the first"));
        };
        if from == place {
            return Ok(lines);
        }
        let mut blocks = Blocks::new(self.file.clone(), self.spans.size);
        let more = if self.binary { blocks.records(from, place)? } else { blocks.lines(from, place)? };
        known.insert(place, lines + more);
        Ok(lines + more)
    }
}
