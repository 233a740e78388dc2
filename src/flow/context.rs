//! What one run shares between its source, stages and sink: audit handle, units, counters, cancellation.
//! Nodes of the plan find it in the session's extensions when they start. It must not know how a run is put together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Oddities, SetAside, Units};
use crate::audit::Recorder;
pub use crate::sensitive::Severity;
use crate::store::ClosedUnit;

/// The shared side of one run.
pub struct Context {
    /// The run's id, also the id of a load it begins.
    pub run_id: Uuid,
    /// The load it works on, once its sink knows: begun by it, or by another run before.
    pub load: OnceLock<Uuid>,
    /// Where events go.
    pub recorder: Recorder,
    /// The run's units.
    pub units: Units,
    /// Live figures for progress and the report.
    pub counters: Counters,
    /// What `detect` found.
    pub detections: Detections,
    /// What the source tolerated.
    pub oddities: Oddities,
    /// Records that committed units set aside.
    pub set_aside: SetAside,
    /// Inputs (0-based) that had changed since parts of them were loaded, and are read again.
    pub changed: Mutex<BTreeSet<u32>>,
    /// Set by Ctrl-C, SIGTERM or the first failing partition.
    pub cancel: CancellationToken,
    /// Does anybody want [`crate::store::UnitCounts::digest`]? A load's identity rests on it.
    pub digests: bool,
}

impl Context {
    /// A context without opened stages.
    pub fn new(run_id: Uuid, recorder: Recorder) -> Self {
        Self {
            run_id,
            load: OnceLock::new(),
            recorder,
            units: Units::default(),
            counters: Counters::default(),
            detections: Detections::default(),
            oddities: Oddities::default(),
            set_aside: SetAside::default(),
            changed: Mutex::default(),
            cancel: CancellationToken::new(),
            digests: true,
        }
    }

    /// The same for a reader without a load: records need no digest.
    pub fn without_digests(self) -> Self {
        Self { digests: false, ..self }
    }

    /// Told by the sink: a unit is stored, with so many rows.
    pub fn committed(&self, closed: &ClosedUnit, variants: u64, calls: u64) {
        Counters::add(&self.counters.variants, variants);
        Counters::add(&self.counters.calls, calls);
        self.set_aside.add(closed);
    }
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("run_id", &self.run_id).finish_non_exhaustive()
    }
}

/// Figures that grow while a run goes on.
#[derive(Debug, Default)]
pub struct Counters {
    /// Bytes of input consumed, as stored (compressed).
    pub bytes_in: AtomicU64,
    /// Bytes of records decoded, inflated.
    pub text_bytes: AtomicU64,
    /// Records decoded.
    pub records: AtomicU64,
    /// Rows committed: variants.
    pub variants: AtomicU64,
    /// Rows committed: calls.
    pub calls: AtomicU64,
}

impl Counters {
    /// Adds to a counter.
    pub fn add(counter: &AtomicU64, n: u64) {
        counter.fetch_add(n, Ordering::Relaxed);
    }

    /// Reads a counter.
    pub fn get(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }
}

/// Detections so far: by severity, and, as far as stages have told, what was found where. Holds no text of the file.
#[derive(Debug, Default)]
pub struct Detections([AtomicU64; 4], Mutex<BTreeMap<Finding, u64>>);

/// One kind of finding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Finding {
    /// Where: a declared column, a known header key, or a place without a name.
    pub place: String,
    pub pattern: &'static str,
    pub severity: Severity,
    /// What was done about it.
    pub action: &'static str,
}

/// A kind of finding, and how often.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Found {
    #[serde(flatten)]
    pub finding: Finding,
    pub count: u64,
}

impl Detections {
    /// Counts `n` detections.
    pub fn add(&self, severity: Severity, n: u64) {
        self.0[severity as usize].fetch_add(n, Ordering::Relaxed);
    }

    /// Tells what was found `n` times.
    pub fn tell(&self, finding: Finding, n: u64) {
        *self.1.lock().unwrap_or_else(std::sync::PoisonError::into_inner).entry(finding).or_default() += n;
    }

    /// What was told, gravest first.
    pub fn findings(&self) -> Vec<Found> {
        let told = self.1.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut all: Vec<Found> = told.iter().map(|(finding, count)| Found { finding: finding.clone(), count: *count }).collect();
        all.sort_by_key(|found| std::cmp::Reverse(found.finding.severity));
        all
    }

    /// How many so far.
    pub fn get(&self, severity: Severity) -> u64 {
        self.0[severity as usize].load(Ordering::Relaxed)
    }
}
