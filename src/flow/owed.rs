//! The audit events a component owes. It must not know any component.

use crate::audit::Kind;

/// What may happen to a component in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Situation {
    /// It was opened.
    Opened,
    /// It found identifiers.
    Found,
    /// It changed, replaced or protected values.
    Changed,
    /// It removed header lines, columns or values.
    Removed,
    /// It set records aside.
    SetAside,
}

/// In this situation this kind of event must be on the trail when the run is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owed(pub Situation, pub Kind);
