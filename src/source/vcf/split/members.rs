//! gzip, member after member (RFC 1952 section 2.2), and what may stand behind the last: zero bytes, as tapes and object stores
//! append them. It must not know what the text is.

use std::io::{BufRead, BufReader, Error, ErrorKind, Read};

use flate2::bufread::GzDecoder;

/// What is said of bytes behind the last member that begin none.
pub(super) const GARBAGE: &str = "something that is not gzip follows the gzip stream";

/// Compressed bytes that are read at once.
const READ: usize = 64 << 10;

type Stored = BufReader<Box<dyn Read + Send>>;

/// The text of all members.
pub(super) struct Members {
    state: State,
    /// Zero bytes stand behind the last member.
    pub padded: bool,
}

enum State {
    /// Inside a member.
    Member(Box<GzDecoder<Stored>>),
    Over,
}

impl Members {
    pub(super) fn new(stored: Box<dyn Read + Send>) -> Self {
        let stored = BufReader::with_capacity(READ, stored);
        Self { state: State::Member(Box::new(GzDecoder::new(stored))), padded: false }
    }

    /// Goes to the member that begins in `stored`, if one does.
    fn next(&mut self, mut stored: Stored) -> std::io::Result<()> {
        let mut zeros = false;
        loop {
            let bytes = stored.fill_buf()?;
            match bytes.iter().position(|byte| *byte != 0) {
                None if bytes.is_empty() => {
                    (self.state, self.padded) = (State::Over, zeros);
                    return Ok(());
                }
                None => {
                    let all = bytes.len();
                    zeros = true;
                    stored.consume(all);
                }
                Some(0) if !zeros && bytes.first() == Some(&0x1f) => {
                    self.state = State::Member(Box::new(GzDecoder::new(stored)));
                    return Ok(());
                }
                Some(_) => return Err(Error::new(ErrorKind::InvalidData, GARBAGE)),
            }
        }
    }
}

impl Read for Members {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        while let State::Member(member) = &mut self.state {
            let read = member.read(out)?;
            if read > 0 || out.is_empty() {
                return Ok(read);
            }
            if let State::Member(member) = std::mem::replace(&mut self.state, State::Over) {
                self.next(member.into_inner())?;
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::vcf::testing::gzip;

    fn read(stored: Vec<u8>) -> std::io::Result<(Vec<u8>, bool)> {
        let mut members = Members::new(Box::new(std::io::Cursor::new(stored)));
        let mut text = Vec::new();
        members.read_to_end(&mut text).map(|_| (text, members.padded))
    }

    #[test]
    fn zero_bytes_behind_the_last_member_are_passed_over_and_nothing_else_is() {
        let stored = gzip(&[b"one", b"", b"two"]);
        assert_eq!(read(stored.clone()).unwrap(), (b"onetwo".to_vec(), false));
        for zeros in [1, 512, 3 * READ] {
            assert_eq!(read([stored.clone(), vec![0; zeros]].concat()).unwrap(), (b"onetwo".to_vec(), true));
        }
        for garbage in [&b"garbage"[..], b"\0\0x", b"\0\0\x1f\x8b", b"\n"] {
            let error = read([&stored[..], garbage].concat()).unwrap_err();
            assert!(error.kind() == ErrorKind::InvalidData && error.to_string() == GARBAGE, "{garbage:?}: {error}");
        }
        assert!(read(stored[..stored.len() - 3].to_vec()).is_err());
        assert!(read([&stored[..], b"\x1f"].concat()).is_err());
    }
}
