//! Where events wait while the database is away: one file a trail, one event a line, fsynced write by write, a chain of its
//! own. It must not know databases; `import` brings a spool to whatever [`Destination`] is given.
//!
//! A line is the JSON object of an event with its place, the hash of the line before and its own: those of [`Sealed`], which
//! cover every field. A line counts only if it is, byte for byte, what this program writes of what it read.
//!
//! A spool shows edits and damage within it, and a line torn by a crash. A cut at the end of a line looks like a crash:
//! only a checkpoint kept elsewhere could tell.

use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::Utc;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::destination::{BATCH, Destination, PATIENCE, append_within};
use super::seal::{Entry, Head, Sealed};
use crate::crypto::digest::hex;
use crate::error::{Error, Result};

const EXTENSION: &str = "jsonl";

/// No event comes near this; a damaged file must not ask for any amount of memory.
const LONGEST_LINE: u64 = 16 << 20;

/// The folder of spools. Files are named `<trail>.jsonl` and readable by their owner only.
#[derive(Clone, Debug)]
pub struct Spool {
    folder: PathBuf,
    pub(super) patience: Duration,
}

/// How a spool was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Whole.
    Intact,
    /// The last line was cut by a crash before it was durable; everything before it is whole.
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// The trail that was spooled.
    pub trail_id: Uuid,
    /// Intact events found; all of them are in the destination now.
    pub events: u64,
    /// How the file was found. A file that is not intact is kept under the name of its state.
    pub state: State,
}

impl Spool {
    /// The spools in `folder`, which is made when the first event needs it.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), patience: PATIENCE }
    }

    /// The same, with another limit to how long a destination may take over one batch.
    #[cfg(test)]
    pub(super) fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// The spools that wait for [`Spool::import`], those being written included, oldest first.
    pub fn waiting(&self) -> Result<Vec<PathBuf>> {
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed("the folder of the audit spool cannot be read", error)),
        };
        let mut files: Vec<PathBuf> =
            entries.flatten().map(|entry| entry.path()).filter(|path| trail_of(path).is_some()).collect();
        // Trail ids begin with their time (UUID version 7), so names sort by age.
        files.sort();
        Ok(files)
    }

    /// Brings waiting spools to `destination`, all or only that of `trail`, and removes those that were whole. Events that are
    /// there already are left alone, so an interrupted import is simply repeated. Spools of running processes are skipped.
    pub async fn import(&self, destination: &dyn Destination, trail: Option<Uuid>) -> Result<Vec<Imported>> {
        let mut imported = Vec::new();
        for path in self.waiting()? {
            let Some(trail_id) = trail_of(&path).filter(|id| trail.is_none_or(|trail| trail == *id)) else { continue };
            let Some(mut reader) = Reader::open(&path, trail_id)? else { continue };
            let mut events = 0;
            loop {
                let entries = reader.next()?;
                if entries.is_empty() {
                    break;
                }
                append_within(destination, &entries, self.patience).await?;
                events += entries.len() as u64;
            }
            self.put_away(&path, reader.state)?;
            imported.push(Imported { trail_id, events, state: reader.state });
        }
        Ok(imported)
    }

    fn put_away(&self, path: &Path, state: State) -> Result<()> {
        let done = match state {
            State::Intact => std::fs::remove_file(path),
            kept => std::fs::rename(path, path.with_extension(kept.name())),
        };
        done.and_then(|()| File::open(&self.folder)?.sync_all())
            .map_err(|error| failed("an imported audit spool cannot be put away", error))
    }

    /// Begins the spool of a trail.
    pub(super) fn create(&self, trail_id: Uuid) -> Result<Writer> {
        Writer::create(&self.folder, trail_id).map_err(unwritable)
    }
}

fn failed(what: &'static str, error: std::io::Error) -> Error {
    Error::failed(format!("{what} ({})", error.kind()))
        .with_hint("free space on the disk of the data folder, or make it writable")
        .with_source(error)
}

fn unwritable(error: std::io::Error) -> Error {
    failed("the audit spool cannot be written", error)
}

fn unreadable(error: std::io::Error) -> Error {
    failed("an audit spool cannot be read", error)
}

/// The trail of a spool's file.
fn trail_of(path: &Path) -> Option<Uuid> {
    path.extension().filter(|extension| *extension == EXTENSION).and_then(|_| path.file_stem()?.to_str()?.parse().ok())
}

/// The genesis names the trail: a spool under another's name does not verify.
fn genesis(trail_id: Uuid) -> Head {
    Head::genesis(trail_id.as_bytes())
}

#[derive(Serialize, Deserialize)]
struct Line<'a> {
    seq: i64,
    recorded: i64,
    event: Cow<'a, Entry>,
    prev_hash: String,
    hash: String,
}

/// What stands in the file for a row.
fn line(row: &Sealed) -> Result<Vec<u8>> {
    let event = Cow::Borrowed(&row.entry);
    let line = Line { seq: row.seq, recorded: row.recorded, event, prev_hash: hex(&row.prev_hash), hash: hex(&row.hash) };
    let mut text = serde_json::to_vec(&line).map_err(|error| Error::internal("an event cannot be written").with_source(error))?;
    text.push(b'\n');
    Ok(text)
}

/// A spool being written. It is locked, so nobody imports it meanwhile.
pub(super) struct Writer {
    file: File,
    /// Bytes known to be durable.
    length: u64,
    head: Head,
}

impl Writer {
    fn create(folder: &Path, trail_id: Uuid) -> std::io::Result<Self> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let path = folder.join(format!("{trail_id}.{EXTENSION}"));
        let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(path)?;
        file.lock()?;
        File::open(folder)?.sync_all()?;
        Ok(Self { file, length: 0, head: genesis(trail_id) })
    }

    /// Writes events and returns when they are on the disk. After a failure the file ends where it was durable.
    pub(super) fn write(&mut self, entries: Vec<Entry>) -> Result<()> {
        let (mut head, recorded) = (self.head, Utc::now().timestamp_micros());
        let lines: Vec<Vec<u8>> = entries.into_iter().map(|entry| line(&head.seal(recorded, entry))).collect::<Result<_>>()?;
        let text = lines.concat();
        if let Err(error) = self.file.write_all(&text).and_then(|()| self.file.sync_data()) {
            self.file.set_len(self.length).map_err(unwritable)?;
            return Err(unwritable(error));
        }
        self.length += text.len() as u64;
        self.head = head;
        Ok(())
    }
}

/// A spool being read, each event held against the chain.
struct Reader {
    file: BufReader<File>,
    trail_id: Uuid,
    head: Head,
    state: State,
}

impl Reader {
    /// None: a running process writes it, or it is gone.
    fn open(path: &Path, trail_id: Uuid) -> Result<Option<Self>> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(error)),
        };
        if file.try_lock().is_err() {
            return Ok(None);
        }
        Ok(Some(Self { file: BufReader::new(file), trail_id, head: genesis(trail_id), state: State::Intact }))
    }

    /// The next intact events; none at the end, or where the file stops being whole (see `state`).
    fn next(&mut self) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        while entries.len() < BATCH && self.state == State::Intact {
            let mut text = Vec::new();
            let length = self.file.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut text).map_err(unreadable)?;
            if length == 0 {
                break;
            }
            match self.entry(&text) {
                Some(entry) => entries.push(entry),
                None if text.ends_with(b"\n") || length as u64 == LONGEST_LINE => self.state = State::Damaged,
                None => self.state = State::Torn,
            }
        }
        Ok(entries)
    }

    fn entry(&mut self, text: &[u8]) -> Option<Entry> {
        let read: Line = serde_json::from_slice(text).ok()?;
        let mut head = self.head;
        let row = head.seal(read.recorded, read.event.into_owned());
        if row.entry.trail_id != self.trail_id || line(&row).ok()? != text {
            return None;
        }
        self.head = head;
        Some(Entry { spool_hash: Some(row.hash), ..row.entry })
    }
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
            let last = kept.last().map_or(0, |last| last.trail_seq);
            kept.extend(entries.iter().filter(|entry| entry.trail_seq > last).cloned());
            Ok(())
        }
    }

    /// A database that takes what it is given and never says so.
    struct Silent;

    #[async_trait::async_trait]
    impl Destination for Silent {
        async fn append(&self, _: &[Entry]) -> Result<()> {
            std::future::pending().await
        }
    }

    const TRAIL: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0002);

    /// A spool of six events in three writes, and its file.
    fn written(folder: &Path) -> (Spool, PathBuf) {
        let spool = Spool::new(folder.join("spool"));
        let mut writer = spool.create(TRAIL).unwrap();
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
        assert_eq!(done, [Imported { trail_id: TRAIL, events: 6, state: State::Intact }]);
        assert!(kept.0.lock().unwrap().iter().all(|e| e.spool_hash.is_some()));
        assert!(spool.waiting().unwrap().is_empty());

        // The import was interrupted before the file went away: once more changes nothing.
        std::fs::write(&path, copy).unwrap();
        spool.import(&kept, None).await.unwrap();
        assert_eq!(kept.0.lock().unwrap().len(), 6);
    }

    #[tokio::test]
    async fn each_line_is_one_event_as_json() {
        let home = tempfile::tempdir().unwrap();
        let (_, path) = written(home.path());
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 6);
        assert!(lines.windows(2).all(|pair| pair[0]["hash"] == pair[1]["prev_hash"]));
        assert_eq!((&lines[2]["seq"], &lines[2]["event"]["event"]), (&3.into(), &"load_intent".into()));
    }

    #[tokio::test]
    async fn a_spool_being_written_is_left_alone() {
        let home = tempfile::tempdir().unwrap();
        let spool = Spool::new(home.path());
        let mut writer = spool.create(TRAIL).unwrap();
        writer.write(vec![entry(1)]).unwrap();
        assert!(spool.import(&Kept::default(), None).await.unwrap().is_empty());
        drop(writer);
        assert_eq!(import(&spool).await, (State::Intact, 1, vec![1]));
    }

    #[tokio::test]
    async fn a_spool_cut_anywhere_keeps_its_whole_lines() {
        let home = tempfile::tempdir().unwrap();
        let (spool, path) = written(home.path());
        let bytes = std::fs::read(&path).unwrap();
        for cut in 0..bytes.len() {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            let events = memchr::memchr_iter(b'\n', &bytes[..cut]).count();
            let (state, found, seqs) = import(&spool).await;
            assert_eq!((found, seqs.len()), (events as u64, events), "cut at {cut}");
            let at_border = cut == 0 || bytes[cut - 1] == b'\n';
            assert_eq!(state, if at_border { State::Intact } else { State::Torn }, "cut at {cut}");
        }
    }

    #[tokio::test]
    async fn zeros_behind_the_last_line_are_a_torn_end() {
        let home = tempfile::tempdir().unwrap();
        let (spool, path) = written(home.path());
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.extend([0; 4096]);
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(import(&spool).await, (State::Torn, 6, vec![1, 2, 3, 4, 5, 6]));
        assert!(path.with_extension("torn").exists() && !path.exists());
    }

    /// Whatever byte is changed, to whatever kind of byte: what is before it comes in as it was, nothing else does, and the file
    /// is not called whole.
    #[tokio::test]
    async fn every_changed_byte_is_found() {
        let home = tempfile::tempdir().unwrap();
        let (spool, path) = written(home.path());
        let bytes = std::fs::read(&path).unwrap();
        for (at, flip) in (0..bytes.len()).flat_map(|at| [(at, 0x01), (at, 0x20), (at, 0x80)]) {
            let mut changed = bytes.clone();
            changed[at] ^= flip;
            std::fs::write(&path, &changed).unwrap();
            let kept = Kept::default();
            let done = spool.import(&kept, None).await.unwrap();
            assert_ne!(done[0].state, State::Intact, "byte {at}");
            let before = memchr::memchr_iter(b'\n', &bytes[..at]).count();
            let kept = kept.0.lock().unwrap();
            assert_eq!(kept.len(), before, "byte {at}");
            for (found, n) in kept.iter().zip(1..) {
                assert_eq!(*found, Entry { spool_hash: found.spool_hash, ..entry(n) }, "byte {at}");
            }
        }
    }

    #[tokio::test]
    async fn an_edited_event_stops_the_import_before_it_and_the_file_is_kept() {
        let home = tempfile::tempdir().unwrap();
        let (spool, path) = written(home.path());
        let text = std::fs::read_to_string(&path).unwrap();
        let at = text.rfind("success").unwrap();
        std::fs::write(&path, format!("{}failure{}", &text[..at], &text[at + 7..])).unwrap();
        assert_eq!(import(&spool).await, (State::Damaged, 5, vec![1, 2, 3, 4, 5]));
        assert!(path.with_extension("damaged").exists() && !path.exists());
    }

    #[tokio::test]
    async fn lines_removed_added_or_moved_are_found() {
        let home = tempfile::tempdir().unwrap();
        let (spool, path) = written(home.path());
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for (name, order, whole) in [
            ("removed", vec![0, 1, 3, 4, 5], 2),
            ("the first removed", vec![1, 2, 3, 4, 5], 0),
            ("twice", vec![0, 0, 1, 2, 3, 4, 5], 1),
            ("moved", vec![0, 2, 1, 3, 4, 5], 1),
        ] {
            std::fs::write(&path, order.iter().map(|n| format!("{}\n", lines[*n])).collect::<String>()).unwrap();
            let (state, events, _) = import(&spool).await;
            assert_eq!((state, events), (State::Damaged, whole), "{name}");
        }
    }

    #[tokio::test]
    async fn a_line_without_end_takes_no_memory_beyond_the_limit() {
        let home = tempfile::tempdir().unwrap();
        let (spool, path) = written(home.path());
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(&vec![b'x'; LONGEST_LINE as usize + 1]).unwrap();
        assert_eq!(import(&spool).await, (State::Damaged, 6, vec![1, 2, 3, 4, 5, 6]));
    }

    #[tokio::test]
    async fn a_spool_under_another_trails_name_is_not_believed() {
        let home = tempfile::tempdir().unwrap();
        let (spool, path) = written(home.path());
        std::fs::rename(&path, path.with_file_name(format!("{}.jsonl", Uuid::from_u128(9)))).unwrap();
        assert_eq!(import(&spool).await, (State::Damaged, 0, vec![]));
    }

    #[tokio::test]
    async fn a_database_that_does_not_answer_ends_the_import_and_the_spool_stays() {
        let home = tempfile::tempdir().unwrap();
        let (spool, path) = written(home.path());
        let hurried = spool.clone().with_patience(Duration::from_millis(10));
        let error = hurried.import(&Silent, None).await.unwrap_err();
        assert_eq!(error.class(), crate::error::Class::Database);
        assert!(path.exists());
        assert_eq!(import(&spool).await, (State::Intact, 6, vec![1, 2, 3, 4, 5, 6]));
    }
}
