//! Cuts a word into the pieces it is put together of. It must not know what a piece means.

use std::ops::Range;

/// Where the pieces of a word lie: runs of letters or of digits, cut at everything else and where the case says that a new word
/// begins (`DoeJane`, `DOEJane`: two).
pub(super) fn cut(word: &str) -> Vec<Range<usize>> {
    let chars: Vec<(usize, char)> = word.char_indices().collect();
    let mut pieces: Vec<Range<usize>> = Vec::new();
    let mut before = None;
    for (i, &(at, c)) in chars.iter().enumerate() {
        let end = at + c.len_utf8();
        let after = chars.get(i + 1).map(|next| next.1);
        match pieces.last_mut() {
            Some(piece) if before.is_some_and(|before| joins(before, c, after)) => piece.end = end,
            _ if c.is_alphanumeric() => pieces.push(at..end),
            _ => {}
        }
        before = Some(c);
    }
    pieces
}

/// Does `c` go on with the piece that `before` ends?
fn joins(before: char, c: char, after: Option<char>) -> bool {
    match (before.is_numeric(), c.is_numeric()) {
        (true, true) => true,
        (false, false) if before.is_alphabetic() && c.is_alphabetic() => {
            let opens = c.is_uppercase() && (before.is_lowercase() || after.is_some_and(char::is_lowercase));
            !opens
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_cut_at_separators_digits_and_case() {
        let shown = |word: &str| cut(word).into_iter().map(|piece| word[piece].to_owned()).collect::<Vec<_>>().join(" ");
        for (word, pieces) in [
            ("Doe_Jane_MRN71222383", "Doe Jane MRN 71222383"),
            ("DoeJane", "Doe Jane"),
            ("DOEJane1961", "DOE Jane 1961"),
            ("DEL:ROE", "DEL ROE"),
            ("AC_nfe_est", "AC nfe est"),
            ("dbSNPBuildID", "db SNP Build ID"),
            ("ROE-JANE-1961", "ROE JANE 1961"),
            ("Müller.é", "Müller é"),
            ("__", ""),
            ("", ""),
        ] {
            assert_eq!(shown(word), pieces, "{word}");
        }
    }
}
