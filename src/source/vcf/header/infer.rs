//! Declarations for keys that records use and the header lacks: the specification's for reserved keys, else String. Found in
//! an input's first records; later surprises go to the catch-all columns. It must not fail on any text.

use std::collections::{BTreeMap, HashSet};

use super::model::{Declaration, Header};
use super::reserved;
use crate::flow::{Number, VcfType};
use crate::source::vcf::columns::{Column, Encoding, column_for};

/// Records looked at.
pub(crate) const SAMPLE: usize = 1000;
/// INFO keys that become columns without a declaration, and FORMAT keys. Others stay text: each record could use new ones.
const MOST: usize = 1000;

#[derive(Default)]
struct Seen {
    order: usize,
    valued: bool,
    commas: bool,
    misfits: bool,
}

/// Looks at whole lines behind the header and adds what is missing in it, with a notice for each key.
pub(crate) fn infer(header: &mut Header, records: &[u8]) {
    let (mut info, mut formats) = (BTreeMap::<String, Seen>::new(), BTreeMap::<String, Seen>::new());
    let mut surplus = false;
    let ids = |list: &[Declaration]| list.iter().map(|declared| declared.id.clone()).collect::<HashSet<String>>();
    let (known_info, known_formats) = (ids(&header.info), ids(&header.formats));
    let lines = records.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    // A header line ends what can be read.
    let records = lines.take_while(|line| !line.starts_with(b"#")).filter(|line| !line.is_empty());
    for line in records.take(SAMPLE) {
        surplus |= memchr::memchr_iter(b'\t', line).count() >= header.columns;
        let mut columns = line.split(|byte| *byte == b'\t').skip(7);
        let entries = columns.next().unwrap_or_default().split(|byte| *byte == b';');
        for entry in entries.filter(|entry| !entry.is_empty() && *entry != b".") {
            let mut parts = entry.splitn(2, |byte| *byte == b'=');
            let (key, value) = (parts.next().unwrap_or_default(), parts.next());
            note(&known_info, &mut info, reserved::usual_info, header.minor, key, value);
        }
        let Some(format) = columns.next() else { continue };
        let keys: Vec<&[u8]> = format.split(|byte| *byte == b':').collect();
        let unknown = |key: &&[u8]| !std::str::from_utf8(key).is_ok_and(|id| known_formats.contains(id));
        if !keys.iter().any(unknown) {
            continue;
        }
        for sample in columns {
            let values = sample.split(|byte| *byte == b':');
            for (key, value) in keys.iter().zip(values) {
                note(&known_formats, &mut formats, reserved::usual_format, header.minor, key, Some(value));
            }
        }
    }
    if surplus {
        header.notices.push("records have more columns than the header; those that no header names are passed over".into());
    }
    add(&mut header.info, &mut header.notices, info, "INFO", |id| reserved::usual_info(id, header.minor));
    add(&mut header.formats, &mut header.notices, formats, "FORMAT", |id| reserved::usual_format(id, header.minor));
}

fn note(
    known: &HashSet<String>,
    found: &mut BTreeMap<String, Seen>,
    reserved: fn(&str, u32) -> Option<Declaration>,
    minor: u32,
    key: &[u8],
    value: Option<&[u8]>,
) {
    // Only what can be a key (VCF 4.3 section 1.6.1) becomes a column's name: anything else might be a value.
    let Some(id) = std::str::from_utf8(key).ok().filter(|id| is_key(id)) else { return };
    if known.contains(id) || (found.len() >= MOST && !found.contains_key(id)) {
        return;
    }
    let order = found.len();
    let seen = found.entry(id.to_owned()).or_insert_with(|| Seen { order, ..Seen::default() });
    let Some(value) = value else { return };
    seen.valued = true;
    seen.commas |= value.contains(&b',');
    if let Some(declared) = reserved(id, minor)
        && column_for(declared.number, declared.kind).push(value, Encoding::default()).is_err()
    {
        seen.misfits = true;
    }
}

/// Letters, digits, `_` and `.`, as the specification has it, and not longer than a name is.
fn is_key(id: &str) -> bool {
    let first = id.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') || id == "1000G";
    first && id.len() <= 64 && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.')
}

fn add(
    known: &mut Vec<Declaration>,
    notices: &mut Vec<String>,
    found: BTreeMap<String, Seen>,
    place: &str,
    reserved: impl Fn(&str) -> Option<Declaration>,
) {
    let mut found: Vec<_> = found.into_iter().collect();
    found.sort_by_key(|(_, seen)| seen.order);
    let mut unknown = 0;
    for (id, seen) in found {
        let declaration = reserved(&id).filter(|_| !seen.misfits).unwrap_or_else(|| {
            let (number, kind) = match seen {
                Seen { valued: false, .. } => (Number::Count(0), VcfType::Flag),
                Seen { commas: true, .. } => (Number::Unknown, VcfType::String),
                _ => (Number::Count(1), VcfType::String),
            };
            Declaration { id: id.clone(), number, kind, inferred: true }
        });
        // A key that not even the specification knows may be any text.
        if reserved::is_reserved(&id, place == "INFO") {
            let (number, kind) = (declaration.number.text(), declaration.kind.text());
            notices.push(format!("{place}/{id} is used but not declared; read as Number={number}, Type={kind}"));
        } else {
            unknown += 1;
        }
        known.push(declaration);
    }
    if unknown > 0 {
        notices.push(format!(
            "{place}: {unknown} keys are used that neither the header nor the specification knows; read as text or flags"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inferred(records: &str) -> Header {
        let head = "##fileformat=VCFv4.2\n##INFO=<ID=DP,Number=1,Type=Integer>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS\n";
        let mut header = Header::parse(head.as_bytes()).unwrap();
        infer(&mut header, records.as_bytes());
        header
    }

    #[test]
    fn reserved_keys_have_their_types_and_others_are_text() {
        let header =
            inferred("1\t1\t.\tA\tC\t.\t.\tDP=1;AC=3;X=a,b;F;Y=1\tGT:AD:Z\t0/1:1,2:q\n1\t2\t.\tA\tC\t.\t.\tSB=0.1;DB\tGT\t0/1\n");
        let read = |list: &[Declaration]| -> Vec<String> {
            list.iter().map(|d| format!("{} {} {}", d.id, d.number.text(), d.kind.text())).collect()
        };
        let info = read(&header.info);
        assert_eq!(info, ["DP 1 Integer", "AC A Integer", "X . String", "F 0 Flag", "Y 1 String", "SB 1 String", "DB 0 Flag"]);
        assert_eq!(read(&header.formats), ["GT 1 String", "AD R Integer", "Z 1 String"]);
        let told = header.notices.join(" ");
        assert!(header.notices.len() == 7 && told.contains("INFO/AC is used") && !told.contains("INFO/X"), "{told}");
    }

    #[test]
    fn what_is_no_key_names_no_column() {
        let header = inferred("1\t1\t.\tA\tC\t.\t.\tJane Doe=1;é=2;=3;;JOHN\u{7f}\tG T:\t1:2\n\u{1}\n\n1\t2\n");
        assert_eq!((header.info.len(), header.formats.len()), (1, 0));
    }
}
