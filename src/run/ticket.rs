//! How an unfinished run goes on without being told again: its pipeline and options, sealed on this machine until its load is
//! complete. Sealed, because paths may name people. It must not know how loads are stored.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::RunOptions;
use crate::crypto::aead;
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::secrets::{KeyRing, write_private};
use crate::spec::Spec;

/// What a run was asked to do; not its shard: what is left of a load may be done in one piece.
#[derive(Debug, Serialize, Deserialize)]
pub struct Ticket {
    pipeline: Value,
    base: PathBuf,
    force: bool,
    load_name: Option<String>,
}

impl Ticket {
    /// The ticket of a run; `None` when its input cannot be read twice, or its sink cannot resume.
    pub fn of(plan: &Plan, options: &RunOptions) -> Option<Self> {
        let again = plan.sink.resumes() && plan.paths.iter().all(Option::is_some);
        Some(Self {
            pipeline: again.then(|| serde_json::to_value(&plan.pipeline).ok()).flatten()?,
            base: std::path::absolute(&plan.base).ok()?,
            force: options.force,
            load_name: options.load_name.clone(),
        })
    }

    /// The pipeline and the options the run was begun with.
    pub fn spec(&self) -> Result<(Spec, RunOptions)> {
        let mut spec = Spec::from_json(&self.pipeline, &[])?;
        spec.base.clone_from(&self.base);
        Ok((spec, RunOptions { force: self.force, shard: None, load_name: self.load_name.clone() }))
    }

    /// Keeps the ticket of the load `id` in the data home.
    pub fn keep(&self, home: &Path, id: Uuid) -> Result<()> {
        let folder = folder(home);
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(|error| cannot(&error))?;
        let ring = folder.join("ring");
        if !ring.exists()
            && let Err(error) = write_private(&ring, KeyRing::generate().to_text().expose().as_bytes())
            && !ring.exists()
        {
            return Err(error);
        }
        let text = serde_json::to_vec(self).map_err(|_| Error::internal("a ticket cannot be written"))?;
        write_private(&folder.join(id.to_string()), &aead::seal(read_ring(&folder)?.primary().1, &text, id.as_bytes()))
    }

    /// The ticket of the load `id`; `None` when it was begun on another machine, or is through. Class `integrity` when it was
    /// changed.
    pub fn find(home: &Path, id: Uuid) -> Result<Option<Self>> {
        let sealed = match std::fs::read(folder(home).join(id.to_string())) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(|error| cannot(&error))?,
        };
        let text = aead::open(read_ring(&folder(home))?.primary().1, &sealed, id.as_bytes())?;
        serde_json::from_slice(&text).map(Some).map_err(|_| Error::usage("the load was begun by another version of genogate"))
    }

    /// Removes the ticket of a load that needs it no more.
    pub fn forget(home: &Path, id: Uuid) {
        let _ = std::fs::remove_file(folder(home).join(id.to_string()));
    }
}

fn folder(home: &Path) -> PathBuf {
    home.join("unfinished")
}

fn read_ring(folder: &Path) -> Result<KeyRing> {
    let text = std::fs::read_to_string(folder.join("ring")).map_err(|error| cannot(&error))?;
    KeyRing::parse(&text)
}

fn cannot(error: &std::io::Error) -> Error {
    Error::failed(format!("the list of unfinished runs: {}", error.kind()))
}
