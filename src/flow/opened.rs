//! What a run opened for the nodes of its plan, which find it in the session's extensions when they start. It must not know
//! how stages and sinks are opened.

use std::sync::Arc;

use super::running::{Apply, OpenSink};

/// One entry a stage node, in plan order, and the sink.
#[derive(Debug)]
pub struct Opened {
    pub stages: Vec<Arc<dyn Apply>>,
    pub sink: Arc<dyn OpenSink>,
}
