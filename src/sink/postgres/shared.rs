//! What the writers of one load share. It must not know how they write.

use std::sync::Arc;
use std::time::Duration;

use super::layout::Layout;
use crate::db::{Backoff, Connection, Databases};
use crate::error::{Error, Result};
use crate::flow::Context;
use crate::store::InputUnits;
use crate::store::begin::Load;

/// What the writers of one load share.
pub struct Shared {
    pub context: Arc<Context>,
    pub databases: Databases,
    pub database: String,
    /// How long a database that went away is waited for.
    pub patience: Duration,
    pub load: Load,
    pub layout: Layout,
    pub units: Vec<InputUnits>,
    /// For the writer that asks first.
    pub first: tokio::sync::Mutex<Option<Connection>>,
}

/// Pauses before the next try, unless the run was stopped.
pub async fn pause(context: &Context, tries: &mut Backoff, error: Error) -> Result<()> {
    tokio::select! {
        paused = tries.after(error) => paused,
        () = context.cancel.cancelled() => Err(Error::interrupted("the run was stopped")),
    }
}
