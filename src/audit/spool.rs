//! Where events wait while the database is away: one Arrow IPC stream a trail, fsynced batch by batch, a chain of its own.
//! It must not know databases; `import` brings a spool to whatever [`Destination`] is given.
//!
//! A spool shows edits and damage within it, and a batch torn by a crash. A cut at the border of two batches looks like a crash:
//! only a checkpoint kept elsewhere could tell.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom, Take, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use datafusion::arrow::ipc::reader::StreamReader;
use datafusion::arrow::ipc::root_as_message;
use datafusion::arrow::ipc::writer::StreamWriter;
use uuid::Uuid;

use super::Destination;
use super::seal::{Entry, Head, Sealed};
use super::stream::{from_batch, schema, to_batch};
use crate::error::{Error, Result};

const EXTENSION: &str = "arrows";

/// The folder of spools. Files are named `<trail>-<run>.arrows` and readable by their owner only.
#[derive(Clone, Debug)]
pub struct Spool {
    folder: PathBuf,
}

/// How a spool was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Whole.
    Intact,
    /// The last batch was cut by a crash before it was durable; everything before it is whole.
    Torn,
    /// An event in it was changed, or bytes are damaged; everything before that is whole.
    Damaged,
}

impl State {
    /// The word stored in events and reports.
    pub fn name(self) -> &'static str {
        ["intact", "torn", "damaged"][self as usize]
    }
}

/// What [`Spool::import`] did with one file.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Imported {
    /// The trail that was spooled.
    pub trail_id: Uuid,
    /// The run it belongs to.
    pub run_id: Uuid,
    /// Intact events found; all of them are in the destination now.
    pub events: u64,
    /// How the file was found. A file that is not intact is kept under the name of its state.
    pub state: State,
}

impl Spool {
    /// The spools in `folder`, which is made when the first event needs it.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The spools that wait for [`Spool::import`], those being written included, oldest first.
    pub fn waiting(&self) -> Result<Vec<PathBuf>> {
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed("the folder of the audit spool cannot be read", &error)),
        };
        let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| ids(path).is_some()).collect();
        // Trail ids begin with their time (UUID version 7), so names sort by age.
        files.sort();
        Ok(files)
    }

    /// Brings waiting spools to `destination`, all or only that of `trail`, and removes those that were whole. Events that are
    /// there already are left alone, so an interrupted import is simply repeated. Spools of running processes are skipped.
    pub async fn import(&self, destination: &dyn Destination, trail: Option<Uuid>) -> Result<Vec<Imported>> {
        let mut imported = Vec::new();
        for path in self.waiting()? {
            let Some((trail_id, run_id)) = ids(&path) else { continue };
            if trail.is_some_and(|trail| trail != trail_id) {
                continue;
            }
            let Some(mut reader) = Reader::open(&path)? else { continue };
            let mut events = 0;
            while let Some(rows) = reader.next() {
                events += rows.len() as u64;
                let entries: Vec<Entry> = rows.into_iter().map(|row| Entry { spool_hash: Some(row.hash), ..row.entry }).collect();
                destination.append(&entries).await?;
            }
            self.put_away(&path, reader.state)?;
            imported.push(Imported { trail_id, run_id, events, state: reader.state });
        }
        Ok(imported)
    }

    fn put_away(&self, path: &Path, state: State) -> Result<()> {
        let done = match state {
            State::Intact => std::fs::remove_file(path),
            kept => std::fs::rename(path, path.with_extension(kept.name())),
        };
        done.and_then(|()| File::open(&self.folder)?.sync_all())
            .map_err(|error| failed("an imported audit spool cannot be put away", &error))
    }

    /// Begins the spool of a trail.
    pub(super) fn create(&self, trail_id: Uuid, run_id: Uuid) -> Result<Writer> {
        Writer::create(&self.folder, trail_id, run_id).map_err(|error| failed("the audit spool cannot be written", &error))
    }
}

fn failed(what: &'static str, error: &std::io::Error) -> Error {
    Error::failed(format!("{what} ({})", error.kind()))
        .with_hint("free space on the disk of the data folder, or make it writable")
}

/// Trail and run of a spool's file name.
fn ids(path: &Path) -> Option<(Uuid, Uuid)> {
    let (stem, extension) = (path.file_stem()?.to_str()?, path.extension()?.to_str()?);
    let (trail, run) = stem.split_at_checked(36)?;
    (extension == EXTENSION).then_some(())?;
    Some((trail.parse().ok()?, run.strip_prefix('-')?.parse().ok()?))
}

/// The genesis names the trail and its run: a spool under another's name does not verify.
fn genesis(trail_id: Uuid, run_id: Uuid) -> Head {
    Head::genesis(&[trail_id.as_bytes().as_slice(), run_id.as_bytes()].concat())
}

/// A spool being written. It is locked, so nobody imports it meanwhile.
pub(super) struct Writer {
    file: File,
    /// Bytes known to be durable.
    length: u64,
    encoder: StreamWriter<Vec<u8>>,
    head: Head,
}

impl Writer {
    fn create(folder: &Path, trail_id: Uuid, run_id: Uuid) -> std::io::Result<Self> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let path = folder.join(format!("{trail_id}-{run_id}.{EXTENSION}"));
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.lock()?;
        let encoder = StreamWriter::try_new(Vec::new(), &schema()).map_err(std::io::Error::other)?;
        let mut writer = Self { file, length: 0, encoder, head: genesis(trail_id, run_id) };
        writer.persist()?;
        File::open(folder)?.sync_all()?;
        Ok(writer)
    }

    /// Writes events and returns when they are on the disk. After a failure the file ends where it was durable.
    pub(super) fn write(&mut self, entries: Vec<Entry>) -> Result<()> {
        let mut head = self.head;
        let rows: Vec<Sealed> = entries.into_iter().map(|entry| head.seal(entry)).collect();
        self.encoder.write(&to_batch(&rows)?)?;
        self.persist().map_err(|error| failed("the audit spool cannot be written", &error))?;
        self.head = head;
        Ok(())
    }

    fn persist(&mut self) -> std::io::Result<()> {
        let bytes = std::mem::take(self.encoder.get_mut());
        let written = self.file.write_all(&bytes).and_then(|()| self.file.sync_data());
        match written {
            Ok(()) => self.length += bytes.len() as u64,
            Err(_) => self.file.set_len(self.length)?,
        }
        written
    }
}

/// A spool being read, batch by batch, each event held against the chain.
struct Reader {
    batches: Option<StreamReader<BufReader<Take<File>>>>,
    head: Head,
    state: State,
}

impl Reader {
    /// None: a running process writes it, or it is gone.
    fn open(path: &Path) -> Result<Option<Self>> {
        let Some((trail_id, run_id)) = ids(path) else { return Ok(None) };
        let unreadable = |error: std::io::Error| failed("an audit spool cannot be read", &error);
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(error)),
        };
        if file.try_lock().is_err() {
            return Ok(None);
        }
        let (whole, state) = extent(&mut file).map_err(unreadable)?;
        file.rewind().map_err(unreadable)?;
        let batches = match whole {
            0 => None,
            _ => Some(StreamReader::try_new(BufReader::new(file.take(whole)), None)?),
        };
        Ok(Some(Self { batches, head: genesis(trail_id, run_id), state }))
    }

    /// The next intact events; `None` at the end or where the file stops being whole (see `state`).
    fn next(&mut self) -> Option<Vec<Sealed>> {
        let batches = self.batches.as_mut()?;
        // The decoder checks buffers, but panics on some damaged lengths. Nothing of it is used after that.
        let decoded = catch_unwind(AssertUnwindSafe(|| batches.next()));
        let rows = match decoded {
            Ok(None) => return None,
            Ok(Some(Ok(batch))) => from_batch(&batch).unwrap_or_default(),
            Ok(Some(Err(_))) | Err(_) => Vec::new(),
        };
        let whole = rows.iter().take_while(|row| self.head.seal(row.entry.clone()) == **row).count();
        if whole == 0 || whole < rows.len() {
            self.state = State::Damaged;
            self.batches = None;
        }
        (whole > 0).then(|| rows.into_iter().take(whole).collect())
    }
}

/// How many bytes of a spool are whole messages, and what follows them. Lengths are held against the file's size before
/// anything is decoded, because a damaged one would ask for any amount of memory.
fn extent(file: &mut File) -> std::io::Result<(u64, State)> {
    let size = file.metadata()?.len();
    let header = header().map_err(std::io::Error::other)?;
    let mut found = Vec::new();
    file.take(header.len() as u64).read_to_end(&mut found)?;
    if found != header {
        let torn = header.starts_with(&found) || found.iter().all(|byte| *byte == 0);
        return Ok((0, if torn { State::Torn } else { State::Damaged }));
    }
    let mut whole = header.len() as u64;
    while whole < size {
        let left = size - whole;
        file.seek(SeekFrom::Start(whole))?;
        let mut prefix = Vec::new();
        file.take(8).read_to_end(&mut prefix)?;
        let Ok([m0, m1, m2, m3, l0, l1, l2, l3]) = <[u8; 8]>::try_from(prefix) else { return Ok((whole, State::Torn)) };
        let length = u64::from(u32::from_le_bytes([l0, l1, l2, l3]));
        if [m0, m1, m2, m3] != [0xff; 4] || length == 0 {
            file.seek(SeekFrom::Start(whole))?;
            let zeros = BufReader::new(&*file).bytes().all(|byte| matches!(byte, Ok(0)));
            return Ok((whole, if zeros { State::Torn } else { State::Damaged }));
        }
        if length > left - 8 {
            return Ok((whole, State::Torn));
        }
        let mut message = Vec::new();
        file.take(length).read_to_end(&mut message)?;
        let body = root_as_message(&message).ok().and_then(|message| u64::try_from(message.bodyLength()).ok());
        match body {
            Some(body) if body <= left - 8 - length => whole += 8 + length + body,
            Some(_) => return Ok((whole, State::Torn)),
            None => return Ok((whole, State::Damaged)),
        }
    }
    Ok((whole, State::Intact))
}

/// The bytes every spool begins with: the schema's message.
fn header() -> Result<Vec<u8>> {
    Ok(std::mem::take(StreamWriter::try_new(Vec::new(), &schema())?.get_mut()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::sync::Mutex;

    use super::super::seal::tests::entry;
    use super::*;

    /// Keeps what it is given, each event once, like the database.
    #[derive(Default)]
    struct Kept(Mutex<Vec<Entry>>);

    #[async_trait::async_trait]
    impl Destination for Kept {
        async fn append(&self, entries: &[Entry]) -> Result<()> {
            let mut kept = self.0.lock().unwrap();
            for entry in entries {
                if !kept.iter().any(|k| (k.trail_id, k.trail_seq) == (entry.trail_id, entry.trail_seq)) {
                    kept.push(entry.clone());
                }
            }
            Ok(())
        }
    }

    const TRAIL: Uuid = Uuid::from_u128(5);
    const RUN: Uuid = Uuid::from_u128(6);

    /// A spool of three batches of two events, and its file.
    fn written(folder: &Path) -> (Spool, PathBuf) {
        let spool = Spool::new(folder.join("spool"));
        let mut writer = spool.create(TRAIL, RUN).unwrap();
        for n in [1, 3, 5] {
            writer.write(vec![entry(n), entry(n + 1)]).unwrap();
        }
        let path = spool.waiting().unwrap().remove(0);
        (spool, path)
    }

    async fn import(spool: &Spool) -> (State, u64, Vec<i64>) {
        let kept = Kept::default();
        let done = spool.import(&kept, None).await.unwrap();
        let seqs = kept.0.lock().unwrap().iter().map(|e| e.trail_seq).collect();
        (done[0].state, done[0].events, seqs)
    }

    #[tokio::test]
    async fn what_was_written_is_imported_once_and_the_file_is_gone() {
        let home = tempfile::tempdir().unwrap();
        let (spool, path) = written(home.path());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
        let copy = std::fs::read(&path).unwrap();
        let kept = Kept::default();
        let done = spool.import(&kept, None).await.unwrap();
        assert_eq!(done, [Imported { trail_id: TRAIL, run_id: RUN, events: 6, state: State::Intact }]);
        assert!(kept.0.lock().unwrap().iter().all(|e| e.spool_hash.is_some()));
        assert!(spool.waiting().unwrap().is_empty());

        // The import was interrupted before the file went away: once more changes nothing.
        std::fs::write(&path, copy).unwrap();
        spool.import(&kept, None).await.unwrap();
        assert_eq!(kept.0.lock().unwrap().len(), 6);
    }

    #[tokio::test]
    async fn a_spool_being_written_is_left_alone() {
        let home = tempfile::tempdir().unwrap();
        let spool = Spool::new(home.path());
        let mut writer = spool.create(TRAIL, RUN).unwrap();
        writer.write(vec![entry(1)]).unwrap();
        assert!(spool.import(&Kept::default(), None).await.unwrap().is_empty());
        drop(writer);
        assert_eq!(import(&spool).await, (State::Intact, 1, vec![1]));
    }

    #[tokio::test]
    async fn a_spool_cut_anywhere_keeps_its_whole_batches() {
        let home = tempfile::tempdir().unwrap();
        let (spool, path) = written(home.path());
        let bytes = std::fs::read(&path).unwrap();
        let header = header().unwrap().len();
        let batch = (bytes.len() - header) / 3;
        for cut in (0..bytes.len()).step_by(7) {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            let events = cut.saturating_sub(header) / batch * 2;
            let (state, found, seqs) = import(&spool).await;
            assert_eq!((found, seqs.len()), (events as u64, events), "cut at {cut}");
            let at_border = cut >= header && (cut - header).is_multiple_of(batch);
            assert_eq!(state, if at_border { State::Intact } else { State::Torn }, "cut at {cut}");
        }
    }

    #[tokio::test]
    async fn zeros_behind_the_last_batch_are_a_torn_end() {
        let home = tempfile::tempdir().unwrap();
        let (spool, path) = written(home.path());
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.extend([0; 4096]);
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(import(&spool).await, (State::Torn, 6, vec![1, 2, 3, 4, 5, 6]));
    }

    #[tokio::test]
    async fn no_changed_byte_gets_a_changed_event_in() {
        let home = tempfile::tempdir().unwrap();
        let (spool, path) = written(home.path());
        let bytes = std::fs::read(&path).unwrap();
        for at in (0..bytes.len()).step_by(11) {
            let mut changed = bytes.clone();
            changed[at] ^= 0x41;
            std::fs::write(&path, &changed).unwrap();
            let kept = Kept::default();
            let _ = spool.import(&kept, None).await.unwrap();
            for found in kept.0.lock().unwrap().iter() {
                assert_eq!(*found, Entry { spool_hash: found.spool_hash, ..entry(found.trail_seq) }, "byte {at}");
            }
        }
    }

    #[tokio::test]
    async fn an_edited_event_stops_the_import_before_it_and_the_file_is_kept() {
        let home = tempfile::tempdir().unwrap();
        let (spool, path) = written(home.path());
        let mut bytes = std::fs::read(&path).unwrap();
        let needle = b"success";
        let at = bytes.windows(needle.len()).rposition(|w| w == needle).unwrap();
        bytes[at..at + 7].copy_from_slice(b"failure");
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(import(&spool).await, (State::Damaged, 5, vec![1, 2, 3, 4, 5]));
        assert!(path.with_extension("damaged").exists() && !path.exists());
    }

    #[tokio::test]
    async fn a_spool_under_another_trails_name_is_not_believed() {
        let home = tempfile::tempdir().unwrap();
        let (spool, path) = written(home.path());
        let forged = path.with_file_name(format!("{}-{RUN}.arrows", Uuid::from_u128(9)));
        std::fs::rename(&path, forged).unwrap();
        assert_eq!(import(&spool).await, (State::Damaged, 0, vec![]));
    }
}
