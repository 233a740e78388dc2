//! Searches everything a run wrote for identifiers. It must not know what wrote it.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use aho_corasick::AhoCorasick;

use crate::error::{Error, Result};
use crate::synth::Planted;

const PIECE: usize = 1 << 20;

/// Reads every file below `folder` and counts the identifiers that stand in any, whatever their case. Returns how many files
/// were read and how many identifiers were found.
pub fn search(folder: &Path, planted: &[Planted]) -> Result<(usize, usize)> {
    let words: Vec<&str> = planted.iter().map(|p| p.value.as_str()).collect();
    let longest = words.iter().map(|word| word.len()).max().unwrap_or(0);
    let finder = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .build(&words)
        .map_err(|_| Error::internal("the identifiers cannot be searched for"))?;
    let mut found = vec![false; words.len()];
    let mut files = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).map_err(|error| unreadable(&error))?;
        for entry in entries {
            let entry = entry.map_err(|error| unreadable(&error))?;
            let kind = entry.file_type().map_err(|error| unreadable(&error))?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                match File::open(entry.path()) {
                    Ok(file) => scan(file, longest, &finder, &mut found).map_err(|error| unreadable(&error))?,
                    // A running server removes files between the listing and the reading.
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(unreadable(&error)),
                }
                files += 1;
            }
        }
    }
    Ok((files, found.iter().filter(|found| **found).count()))
}

/// Reads in pieces that overlap by the longest word, so that none is missed at a border.
fn scan(mut file: File, longest: usize, finder: &AhoCorasick, found: &mut [bool]) -> std::io::Result<()> {
    let mut piece = vec![0; PIECE + longest];
    let mut kept = 0;
    loop {
        let read = file.read(&mut piece[kept..])?;
        if read == 0 {
            return Ok(());
        }
        let filled = kept + read;
        for hit in finder.find_overlapping_iter(&piece[..filled]) {
            found[hit.pattern().as_usize()] = true;
        }
        let keep = longest.min(filled);
        piece.copy_within(filled - keep..filled, 0);
        kept = keep;
    }
}

fn unreadable(error: &std::io::Error) -> Error {
    Error::failed(format!("a file of the database cannot be searched: {}", error.kind()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synth::Place;

    #[test]
    fn a_word_across_the_border_of_two_pieces_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let planted = [("Featherstone", true), ("absent", false)]
            .map(|(value, expected)| (Planted { value: value.into(), place: Place::Header }, expected));
        for offset in [0, PIECE - 3, PIECE, PIECE + 9, 2 * PIECE + 5] {
            let mut bytes = vec![b'.'; 3 * PIECE];
            bytes[offset..offset + 12].copy_from_slice(b"FEATHERSTONE");
            std::fs::write(folder.path().join("page"), bytes).unwrap();
            let only: Vec<Planted> = planted.iter().map(|(p, _)| p.clone()).collect();
            assert_eq!(search(folder.path(), &only).unwrap(), (1, 1), "at {offset}");
        }
    }
}
