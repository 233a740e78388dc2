//! The dataset's folder: written under a hidden name, renamed when complete. It must not know what rows are.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::arrow::datatypes::Schema;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::crypto::digest::hex;
use crate::error::{Error, Result};
use crate::flow::Figures;
use crate::store::{Document, SampleId};

/// Bad records while units are still being read, each with its line within its unit.
pub const WITHIN_UNITS: &str = "quarantine.partial";

/// Beside the rows stand files whose names begin with `_` and do not end in `.parquet`: who reads the folder as a dataset passes them
/// over.
const HEADER: &str = "_header.jsonl";
const SAMPLES: &str = "_samples.jsonl";
const MANIFEST: &str = "_manifest.json";
const QUARANTINE: &str = "_quarantine.jsonl";

/// What [`MANIFEST`] says about a complete load.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    pub load_id: Uuid,
    /// The pipeline's name.
    pub name: String,
    #[serde(flatten)]
    pub figures: Figures,
    /// What was read and under which rules, hexadecimal.
    pub identity: String,
    /// What was read.
    pub content: String,
    /// Under which rules.
    pub options: String,
    pub finished: String,
}

/// A load's folder while it is written. Dropping it without [`Folder::publish`] removes it.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    hidden: PathBuf,
    load: Uuid,
    access: Access,
    published: bool,
}

/// Who may read the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Their owner alone.
    Private,
    /// Whom the process's umask lets.
    Usual,
}

impl Access {
    fn file(self) -> fs::OpenOptions {
        let mut options = File::options();
        options.create(true).mode(if self == Self::Private { 0o600 } else { 0o666 });
        options
    }

    fn folder(self, path: &Path) -> Result<()> {
        let mut builder = fs::DirBuilder::new();
        builder.mode(if self == Self::Private { 0o700 } else { 0o777 });
        builder.create(path).map_err(|error| wrote(path, &error))
    }
}

impl Folder {
    /// Makes the hidden folder below `root`.
    pub fn create(root: &Path, load: Uuid, access: Access) -> Result<Self> {
        let hidden = root.join(format!(".load={load}.partial"));
        fs::create_dir_all(root).map_err(|error| wrote(root, &error))?;
        access.folder(&hidden)?;
        let this = Self { root: root.to_owned(), hidden, load, access, published: false };
        access.folder(&this.path("variants"))?;
        Ok(this)
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.hidden.join(name)
    }

    /// Writes header lines and samples, input by input. The file schema names no sample: ids are values only.
    pub fn write_document(&self, document: &Document) -> Result<()> {
        let path = self.path(HEADER);
        let mut text = String::new();
        for (input, number) in document.inputs.iter().zip(1..) {
            let about = json!({
                "input": number, "version": input.version, "assembly": input.assembly, "bytes": input.bytes,
                "header_digest": hex(&input.header_digest),
            });
            text.push_str(&format!("{about}\n"));
            for line in &input.lines {
                text.push_str(&format!("{}\n", json!({ "input": number, "key": line.key, "value": line.value })));
            }
        }
        write_synced(&path, text.as_bytes(), self.access)?;
        self.write_samples(document)
    }

    fn write_samples(&self, document: &Document) -> Result<()> {
        let mut text = String::new();
        for (input, number) in document.inputs.iter().zip(1i32..) {
            for (sample, index) in input.samples.iter().zip(0i32..) {
                let id = match sample {
                    SampleId::Name(name) => name.expose().as_str(),
                    SampleId::Pseudonym(pseudonym) => pseudonym,
                };
                text.push_str(&format!("{}\n", json!({ "input": number, "sample_index": index, "sample_id": id })));
            }
        }
        write_synced(&self.path(SAMPLES), text.as_bytes(), self.access)
    }

    /// Gives every bad record its line within its file, 1-based, now that the lines before each unit are known.
    pub fn place_bad_records(&self, before: impl Fn(u32) -> u64) -> Result<()> {
        let (from, to) = (self.path(WITHIN_UNITS), self.path(QUARANTINE));
        let read = match File::open(&from) {
            Ok(file) => BufReader::new(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(unreadable(&from, &error.kind())),
        };
        let mut out =
            BufWriter::new(self.access.file().write(true).truncate(true).open(&to).map_err(|error| wrote(&to, &error))?);
        for line in read.lines() {
            let line = line.map_err(|error| unreadable(&from, &error.kind()))?;
            let unplanned = || Error::internal("an entry of the quarantine cannot be read back");
            let mut entry: serde_json::Value = serde_json::from_str(&line).map_err(|_| unplanned())?;
            let unit = entry["unit"].as_u64().and_then(|unit| u32::try_from(unit).ok()).ok_or_else(unplanned)?;
            entry["line"] = json!(before(unit) + entry["line"].as_u64().ok_or_else(unplanned)? + 1);
            writeln!(out, "{entry}").map_err(|error| wrote(&to, &error))?;
        }
        let file = out.into_inner().map_err(|error| wrote(&to, error.error()))?;
        file.sync_all().map_err(|error| wrote(&to, &error))?;
        fs::remove_file(&from).map_err(|error| wrote(&from, &error))
    }

    /// The complete loads that the dataset already holds: folder and manifest. A folder `load=…` without a manifest is not of our
    /// making.
    ///
    /// # Errors
    /// Class `failed` when the dataset or a manifest cannot be read: whether a load is there must not be guessed.
    pub fn loads(&self) -> Result<Vec<(PathBuf, Manifest)>> {
        let mut loads = Vec::new();
        for entry in fs::read_dir(&self.root).map_err(|error| unreadable(&self.root, &error.kind()))? {
            let entry = entry.map_err(|error| unreadable(&self.root, &error.kind()))?;
            if !entry.file_name().to_string_lossy().starts_with("load=") {
                continue;
            }
            let path = entry.path().join(MANIFEST);
            match fs::read(&path) {
                Ok(text) => {
                    let manifest = serde_json::from_slice(&text).map_err(|_| unreadable(&path, &"it is no manifest"))?;
                    loads.push((entry.path(), manifest));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(unreadable(&path, &error.kind())),
            }
        }
        Ok(loads)
    }

    /// Writes the manifest and lets the folder appear under its name; removes what it replaces afterwards.
    pub fn publish(&mut self, manifest: &Manifest, replaces: Option<&Path>) -> Result<()> {
        let text = serde_json::to_string(manifest).map_err(|_| Error::internal("a manifest cannot be written"))?;
        write_synced(&self.path(MANIFEST), format!("{text}\n").as_bytes(), self.access)?;
        for folder in [self.path("variants"), self.hidden.clone()] {
            sync(&folder)?;
        }
        let visible = self.root.join(format!("load={}", self.load));
        fs::rename(&self.hidden, &visible).map_err(|error| wrote(&visible, &error))?;
        self.published = true;
        sync(&self.root)?;
        if let Some(old) = replaces {
            fs::remove_dir_all(old).map_err(|error| wrote(old, &error))?;
        }
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.published {
            // What cannot be removed stays hidden.
            let _ = fs::remove_dir_all(&self.hidden);
        }
    }
}

/// A Parquet file, zstd level 3. Of the schema's metadata only field metadata (VCF Number and Type) is kept.
pub fn open_parquet(path: &Path, schema: Arc<Schema>, access: Access) -> Result<ArrowWriter<File>> {
    let level = ZstdLevel::try_new(3).map_err(|error| failed(path, &error))?;
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
    let file = access.file().write(true).truncate(true).open(path).map_err(|error| wrote(path, &error))?;
    ArrowWriter::try_new(file, schema, Some(properties)).map_err(|error| failed(path, &error))
}

/// Ends a Parquet file and waits until it is on the disk.
pub fn close_parquet(path: &Path, mut writer: ArrowWriter<File>) -> Result<()> {
    writer.finish().map_err(|error| failed(path, &error))?;
    writer.inner().sync_all().map_err(|error| wrote(path, &error))
}

/// Appends bytes to a file.
pub fn append(path: &Path, bytes: &[u8], access: Access) -> Result<()> {
    let mut file = access.file().append(true).open(path).map_err(|error| wrote(path, &error))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|error| wrote(path, &error))
}

fn write_synced(path: &Path, bytes: &[u8], access: Access) -> Result<()> {
    let mut file = access.file().write(true).truncate(true).open(path).map_err(|error| wrote(path, &error))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|error| wrote(path, &error))
}

fn sync(folder: &Path) -> Result<()> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| wrote(folder, &error))
}

/// Parquet's own message may quote a value, so only what happened is kept.
pub fn failed(path: &Path, error: &ParquetError) -> Error {
    match error {
        ParquetError::External(inner) => match inner.downcast_ref::<io::Error>() {
            Some(error) => wrote(path, error),
            None => Error::failed(format!("writing {}", path.display())),
        },
        _ => Error::failed(format!("writing {}", path.display())),
    }
}

fn unreadable(path: &Path, why: &dyn std::fmt::Display) -> Error {
    Error::failed(format!("reading {}: {why}", path.display()))
        .with_hint("mend or move it: without it nobody can say which loads the dataset holds")
}

fn wrote(path: &Path, error: &io::Error) -> Error {
    let failed = Error::failed(format!("writing {}: {}", path.display(), error.kind()));
    match error.kind() {
        io::ErrorKind::StorageFull => failed.with_hint("free space on the disk, then run the same command again"),
        io::ErrorKind::PermissionDenied => failed.with_hint("choose a folder you may write to: sink.parquet.path"),
        _ => failed,
    }
}
