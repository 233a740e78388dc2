//! Entries that commas within a sub-field have cut apart (LOFTEE writes some into LoF_info), put together again. It must not know
//! sub-fields or tools.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, ListBuilder, StringBuilder};

/// The entries of a row, empty and missing ones passed over.
pub(super) fn each<'a>(text: &'a ArrayRef, row: usize, mut see: impl FnMut(&'a str)) {
    let mut present = |entry: &'a str| {
        if !entry.is_empty() && entry != "." {
            see(entry);
        }
    };
    if text.is_null(row) {
        return;
    }
    if let Some(list) = text.as_list_opt::<i32>() {
        let Some(items) = list.values().as_string_opt::<i32>() else { return };
        let (from, to) = (list.value_offsets()[row] as usize, list.value_offsets()[row + 1] as usize);
        (from..to).filter(|at| items.is_valid(*at)).for_each(|at| present(items.value(at)));
    } else if let Some(texts) = text.as_string_opt::<i32>() {
        texts.value(row).split(',').for_each(present);
    }
}

/// The column with such entries whole; `None` where there are none. A text goes on with the entry before it when it has too few of the
/// `width` sub-fields, both together do not have too many, and what it begins with cannot `begin` an entry of its row.
pub(super) fn rejoined(text: &ArrayRef, width: usize, mut begins: impl FnMut(usize, &str) -> bool) -> Option<ArrayRef> {
    let mut goes_on: Vec<(usize, usize)> = Vec::new();
    for row in 0..text.len() {
        let (mut nth, mut open) = (0, None);
        each(text, row, |entry| {
            let pieces = 1 + memchr::memchr_iter(b'|', entry.as_bytes()).count();
            let whole = open.map(|open: usize| open + pieces - 1).filter(|whole| pieces < width && *whole <= width);
            open = match whole.filter(|_| !begins(row, entry.split('|').next().unwrap_or_default())) {
                Some(whole) => {
                    goes_on.push((row, nth));
                    Some(whole)
                }
                None => Some(pieces),
            };
            nth += 1;
        });
    }
    if goes_on.is_empty() {
        return None;
    }
    let (mut lists, mut joints) = (ListBuilder::new(StringBuilder::new()), goes_on.into_iter().peekable());
    for row in 0..text.len() {
        let (mut nth, mut entries) = (0, Vec::<String>::new());
        each(text, row, |entry| {
            match (joints.next_if_eq(&(row, nth)), entries.last_mut()) {
                (Some(_), Some(last)) => {
                    last.push(',');
                    last.push_str(entry);
                }
                _ => entries.push(entry.to_owned()),
            }
            nth += 1;
        });
        entries.into_iter().for_each(|entry| lists.values().append_value(entry));
        lists.append(text.is_valid(row));
    }
    Some(Arc::new(lists.finish()))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::StringArray;

    use super::*;

    fn entries(texts: &[&str], width: usize) -> Option<Vec<String>> {
        let column: ArrayRef = Arc::new(StringArray::from(texts.to_vec()));
        let joined = rejoined(&column, width, |_, first| first == "A")?;
        let mut found = Vec::new();
        (0..texts.len()).for_each(|row| each(&joined, row, |entry| found.push(format!("{row} {entry}"))));
        Some(found)
    }

    #[test]
    fn a_comma_within_a_sub_field_cuts_nothing() {
        // At the end of an entry, and within one.
        assert_eq!(entries(&["A|x|1,Y:P,Z,A|y|"], 3).unwrap(), ["0 A|x|1,Y:P,Z", "0 A|y|"]);
        assert_eq!(entries(&["A|1", "A|1,Y,Z|x,A|2|y"], 3).unwrap(), ["0 A|1", "1 A|1,Y,Z|x", "1 A|2|y"]);
        // Nothing to put together: an allele begins an entry, a whole entry is one, and nothing goes before the first.
        for whole in ["A|x|1,A|y|", "A|x,A", "A|x|1,Y|y|2", "Y,A|x|1", "A|x|1,Y|Z"] {
            assert_eq!(entries(&[whole], 3), None, "{whole}");
        }
    }
}
