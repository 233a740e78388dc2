//! What the writers of one load share. It must not know how they write.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use uuid::Uuid;

use super::layout::Layout;
use crate::db::{Backoff, Connection, Databases};
use crate::error::{Error, Result};
use crate::flow::Context;
use crate::store::begin::{Load, Secret, hold_load};
use crate::store::{Places, Shard};

/// What the writers of one load share.
pub struct Shared {
    pub context: Arc<Context>,
    pub databases: Databases,
    pub database: String,
    /// How long a database that went away is waited for.
    pub patience: Duration,
    pub load: Load,
    pub shard: Option<Shard>,
    /// Shown by the writers.
    pub secret: Secret,
    /// Holds the load; `None` when it was lost.
    pub control: Mutex<Option<Connection>>,
    pub layout: Layout,
    pub places: Places,
    /// For the writer that asks first.
    pub first: Mutex<Option<Connection>>,
}

impl Shared {
    /// The connection that holds the load, made anew when it was lost. Class `failed`, transient, when another session
    /// holds it: our old one, until the server notices, or somebody who resumes the load.
    pub async fn held<'a>(&self, control: &'a mut Option<Connection>) -> Result<&'a Connection> {
        if control.as_ref().is_none_or(|connection| connection.is_closed()) {
            let connection = self.databases.connect(&self.database).await?;
            match hold_load(&connection, self.load.id, self.shard, &self.secret).await? {
                true => *control = Some(connection),
                false => return Err(elsewhere(self.load.id, self.shard)),
            }
        }
        control.as_ref().ok_or_else(|| Error::internal("a connection was made and is not there"))
    }

    /// Holds the load again, which a session did whose connection was lost. Errors of [`Self::held`].
    pub async fn hold_again(&self) -> Result<()> {
        let mut control = self.control.lock().await;
        let client = self.held(&mut control).await?;
        match hold_load(client, self.load.id, self.shard, &self.secret).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(elsewhere(self.load.id, self.shard)),
            Err(error) => {
                *control = None;
                Err(error)
            }
        }
    }
}

/// Class `failed`, transient: somebody else is at it.
pub fn elsewhere(load: Uuid, shard: Option<Shard>) -> Error {
    let what = shard.map_or_else(|| "the same files".to_owned(), |shard| format!("the same files, or shard {shard} of it,"));
    Error::failed(format!("load {load} of {what} is being written by another process"))
        .with_hint("wait for it, or stop it and run the same command again")
        .transient()
}

/// Pauses before the next try, unless the run was stopped.
pub async fn pause(context: &Context, tries: &mut Backoff, error: Error) -> Result<()> {
    tokio::select! {
        paused = tries.after(error) => paused,
        () = context.cancel.cancelled() => Err(Error::interrupted("the run was stopped")),
    }
}
