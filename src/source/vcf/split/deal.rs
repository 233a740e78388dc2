//! Units of inputs that can only be read forwards, dealt to whichever partition asks next: one takes a unit's text out of the
//! stream while the others decode theirs. It must not know what a line means.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::unit::{ForwardReader, UnitReader};
use crate::error::Result;

/// Text of a unit that is taken out of the stream at once. The rest of a larger unit is read while the others wait.
const HELD: usize = 64 << 20;

/// One input that is shared by the partitions of a scan.
pub(crate) struct Deal {
    state: Mutex<State>,
    free: Condvar,
}

enum State {
    Waiting(Box<dyn ForwardReader>),
    /// A partition reads.
    Taken,
    /// There are no more units, or the input cannot be read on.
    Over,
}

impl Deal {
    fn new(reader: Box<dyn ForwardReader>) -> Self {
        Self { state: Mutex::new(State::Waiting(reader)), free: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The stream, once nobody else reads it; `None` when nothing more will come.
    fn take(&self) -> Option<Box<dyn ForwardReader>> {
        let taken = |state: &mut State| matches!(state, State::Taken);
        let mut state = self.free.wait_while(self.state(), taken).unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *state, State::Taken) {
            State::Waiting(reader) => Some(reader),
            State::Taken | State::Over => {
                *state = State::Over;
                None
            }
        }
    }

    fn give(&self, next: State) {
        *self.state() = next;
        self.free.notify_all();
    }
}

/// The shared inputs of one scan, by number. Each is opened by the partition that comes first.
pub(crate) struct Deals(Vec<Mutex<Option<Arc<Deal>>>>);

impl std::fmt::Debug for Deals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Deals({})", self.0.len())
    }
}

impl Deals {
    /// For so many inputs.
    pub(crate) fn new(inputs: usize) -> Self {
        Self((0..inputs).map(|_| Mutex::new(None)).collect())
    }

    /// A partition's reader of input `number` (0-based); `alone`: no other will ask, so units are read as they come.
    ///
    /// # Errors
    /// What `open` says.
    pub(crate) fn reader(
        &self,
        number: u32,
        alone: bool,
        open: impl FnOnce() -> Result<Box<dyn ForwardReader>>,
    ) -> Result<Option<Dealt>> {
        let Some(place) = self.0.get(number as usize) else { return Ok(None) };
        let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
        let deal = match place.as_ref() {
            Some(deal) => deal.clone(),
            None => place.insert(Arc::new(Deal::new(open()?))).clone(),
        };
        Ok(Some(Dealt::new(deal, if alone { 0 } else { HELD })))
    }
}

/// A partition's reader of a shared input: its units are those it was dealt.
pub(crate) struct Dealt {
    deal: Arc<Deal>,
    /// Text that is taken at once.
    most: usize,
    /// The stream, while this partition reads it.
    stream: Option<Box<dyn ForwardReader>>,
    /// Text that was taken, where its chunks end, and how many of them were handed on.
    text: Vec<u8>,
    ends: Vec<usize>,
    handed: usize,
    before: u64,
    bytes: u64,
}

impl Dealt {
    fn new(deal: Arc<Deal>, most: usize) -> Self {
        Self { deal, most, stream: None, text: Vec::new(), ends: Vec::new(), handed: 0, before: 0, bytes: 0 }
    }

    /// Lets the others read on.
    fn pass_on(&mut self) {
        if let Some(stream) = self.stream.take() {
            self.bytes = stream.bytes();
            self.deal.give(State::Waiting(stream));
        }
    }
}

impl UnitReader for Dealt {
    fn next_unit(&mut self) -> Result<Option<u32>> {
        if self.stream.is_none() {
            self.stream = self.deal.take();
        }
        let Some(stream) = &mut self.stream else { return Ok(None) };
        (self.handed, self.bytes) = (0, 0);
        self.text.clear();
        self.ends.clear();
        // What ends here without being passed on ends for all: see `Drop`.
        let Some(unit) = stream.next_unit()? else { return Ok(None) };
        self.before = stream.passed();
        while self.text.len() < self.most {
            let Some(chunk) = stream.next_chunk()? else {
                self.pass_on();
                break;
            };
            self.text.extend_from_slice(chunk);
            self.ends.push(self.text.len());
        }
        Ok(Some(unit))
    }

    fn next_chunk(&mut self) -> Result<Option<&[u8]>> {
        if let Some(end) = self.ends.get(self.handed) {
            let start = self.handed.checked_sub(1).and_then(|last| self.ends.get(last)).copied().unwrap_or(0);
            self.handed += 1;
            return Ok(self.text.get(start..*end));
        }
        let Some(stream) = &mut self.stream else { return Ok(None) };
        stream.next_chunk()
    }

    fn bytes(&self) -> u64 {
        self.stream.as_ref().map_or(self.bytes, |stream| stream.bytes())
    }

    fn lines_before(&self) -> Option<u64> {
        Some(self.before)
    }
}

impl Drop for Dealt {
    /// Whoever leaves while reading, because of an error too, leaves nothing behind for the others.
    fn drop(&mut self) {
        if self.stream.take().is_some() {
            self.deal.give(State::Over);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::{StreamText, Streamed, TextBuf};
    use super::*;
    use crate::error::Error;

    /// Units of a stream by ordinal, with the lines before each, as `readers` partitions read them side by side.
    fn deal(text: &str, unit: u64, readers: usize, most: usize) -> BTreeMap<u32, (String, u64)> {
        let stream = StreamText::plain(Box::new(std::io::Cursor::new(text.to_owned().into_bytes())));
        let deal = Arc::new(Deal::new(Box::new(Streamed::new(stream, TextBuf::default(), unit))));
        let read = || {
            let (mut reader, mut units) = (Dealt::new(deal.clone(), most), Vec::new());
            while let Some(unit) = reader.next_unit().unwrap() {
                let mut text = String::new();
                while let Some(chunk) = reader.next_chunk().unwrap() {
                    text.push_str(std::str::from_utf8(chunk).unwrap());
                }
                assert!(reader.next_chunk().unwrap().is_none());
                units.push((unit, (text, reader.lines_before().unwrap())));
            }
            assert!(units.is_sorted());
            units
        };
        let found = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..readers).map(|_| scope.spawn(read)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        let count = found.len();
        let units: BTreeMap<_, _> = found.into_iter().collect();
        assert_eq!(units.len(), count, "a unit was dealt twice");
        units
    }

    proptest! {
        #[test]
        fn every_unit_is_dealt_once_and_is_what_one_reader_reads(
            lines in prop::collection::vec("[a-z]{0,30}", 0..60), end in "[a-z]{0,9}",
            unit in 1u64..200, readers in 1usize..5, most in prop_oneof![Just(0), 1usize..300, Just(HELD)],
        ) {
            let text = lines.iter().map(|line| format!("{line}\n")).collect::<String>() + &end;
            let units = deal(&text, unit, readers, most);
            prop_assert_eq!(&units, &deal(&text, unit, 1, 0));
            prop_assert_eq!(units.values().map(|(text, _)| text.as_str()).collect::<String>(), text);
            let mut before = 0;
            for (i, (ordinal, (text, lines_before))) in units.iter().enumerate() {
                prop_assert_eq!((*ordinal as usize, *lines_before), (i, before));
                before += text.matches('\n').count() as u64;
            }
        }
    }

    struct Breaks(u32);

    impl UnitReader for Breaks {
        fn next_unit(&mut self) -> Result<Option<u32>> {
            self.0 += 1;
            Ok(Some(self.0))
        }

        fn next_chunk(&mut self) -> Result<Option<&[u8]>> {
            if self.0 > 2 { Err(Error::input("cut")) } else { Ok(None) }
        }

        fn bytes(&self) -> u64 {
            0
        }

        fn lines_before(&self) -> Option<u64> {
            Some(0)
        }
    }

    impl ForwardReader for Breaks {
        fn passed(&self) -> u64 {
            0
        }
    }

    #[test]
    fn a_stream_that_breaks_is_told_once_and_keeps_nobody_waiting() {
        let deal = Arc::new(Deal::new(Box::new(Breaks(0))));
        let ends = std::thread::scope(|scope| {
            let read = || {
                let mut reader = Dealt::new(deal.clone(), HELD);
                loop {
                    match reader.next_unit() {
                        Ok(Some(_)) => {}
                        Ok(None) => return false,
                        Err(_) => return true,
                    }
                }
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(read)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        assert_eq!(ends.iter().filter(|failed| **failed).count(), 1);
    }
}
