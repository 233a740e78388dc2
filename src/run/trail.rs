//! The audit trail of one command: opened before anything else, closed last. It must not know what is recorded.

use std::path::Path;
use std::sync::Arc;

use uuid::Uuid;

use crate::access::{self, Grant};
use crate::audit::{Delivery, Destination, Event, Imported, PostgresTrail, Recorder, Spool, SpoolState};
use crate::db::{Databases, Ended, Witness};
use crate::error::{Class, Result};

/// Where a command's events go: a database's trail, the spool when it is away.
pub fn destination(databases: &Databases, name: &str) -> Arc<dyn Destination> {
    Arc::new(PostgresTrail::new(Arc::new(databases.clone()), name))
}

/// The spool of a data home.
pub fn spool(home: &Path) -> Spool {
    Spool::new(home.join("spool"))
}

/// The open trail of one command, and who acts.
pub struct Trail {
    run_id: Uuid,
    grant: Grant,
    recorder: Recorder,
    delivery: Delivery,
    imported: Vec<Imported>,
    destination: Option<Arc<dyn Destination>>,
    spool: Spool,
    witness: Witness,
}

impl Trail {
    /// Opens the trail of a command that works with `database`, or with none. Spools left by earlier commands are brought
    /// into the database first, as far as it answers.
    pub async fn open(databases: &Databases, database: Option<&str>, home: &Path) -> Result<Self> {
        let grant = match database {
            Some("local") | None => access::local_administrator(home)?,
            Some(_) => access::credential_holder(),
        };
        let run_id = Uuid::now_v7();
        let destination = database.map(|name| destination(databases, name));
        let mut imported = Vec::new();
        if let Some(destination) = &destination {
            match spool(home).import(destination.as_ref(), None).await {
                Ok(spools) => imported = spools,
                // The database is away: the spools wait, and this command's events join them.
                Err(error) if matches!(error.class(), Class::Database | Class::Denied) => {}
                Err(error) => tracing::warn!(class = ?error.class(), "earlier audit spools could not be imported"),
            }
        }
        let (recorder, delivery) = Recorder::start(grant.actor(), run_id, destination.clone(), spool(home));
        for spool in &imported {
            let Imported { trail_id, events, state } = *spool;
            if state != SpoolState::Intact {
                tracing::warn!(spool = %trail_id, events, state = state.name(), "an audit spool was not whole; the file is kept");
            }
            recorder.record(Event::SpoolImported { spool: trail_id, events, state })?;
        }
        let (witness, hearing) = (databases.witness().clone(), recorder.clone());
        witness.untold().iter().try_for_each(|ended| recorder.record(told(ended)))?;
        witness.tell(move |ended| hearing.record(told(ended)).is_ok());
        Ok(Self { run_id, grant, recorder, delivery, imported, destination, spool: spool(home), witness })
    }

    /// The id under which the command's events stand.
    pub fn run_id(&self) -> Uuid {
        self.run_id
    }

    /// Who acts, with which permissions.
    pub fn grant(&self) -> &Grant {
        &self.grant
    }

    /// Spools of earlier commands that were brought into the database when the trail was opened.
    pub fn imported(&self) -> &[Imported] {
        &self.imported
    }

    /// The handle that records.
    pub fn recorder(&self) -> Recorder {
        self.recorder.clone()
    }

    /// Who hears of sessions that were ended because they held locks for too long: this trail.
    pub fn witness(&self) -> &Witness {
        &self.witness
    }

    /// Makes everything durable and ends the trail. Returns how many events wait in the spool.
    pub async fn close(self) -> Result<u64> {
        // Whoever keeps this waiting may be ended meanwhile, and that is recorded too. What fails here fails below again.
        let _ = self.recorder.flush().await;
        let mut spooled = self.delivery.close().await?.spooled;
        let untold = self.witness.untold();
        if !untold.is_empty() {
            let (recorder, delivery) = Recorder::start(self.grant.actor(), self.run_id, self.destination, self.spool);
            untold.iter().try_for_each(|ended| recorder.record(told(ended)))?;
            spooled += delivery.close().await?.spooled;
        }
        Ok(spooled)
    }
}

fn told(ended: &Ended) -> Event {
    Event::LockHolderEnded { lock: ended.lock.clone(), seconds: ended.seconds, sessions: ended.sessions }
}
