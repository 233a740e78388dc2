//! Declarations of reserved keys that say something else than the version does. The declaration holds all the same, values are
//! read by it and told where they do not fit; but not where other stages rest on the key's meaning. It must not know records.

use super::model::{Declaration, Header};
use super::reserved::{self, Reserved};
use crate::flow::{Number, VcfType};

/// Told once a declaration that is overruled.
const OVERRULED: &str = "declared otherwise than the specification reserves it, which holds";

/// Settles every contradiction, with a notice each.
pub(super) fn settle(header: &mut Header) {
    let minor = header.minor;
    let mut notices = Vec::new();
    for (place, list) in [("INFO", &mut header.info), ("FORMAT", &mut header.formats)] {
        for declared in list {
            let key = if place == "INFO" { reserved::info(&declared.id, minor) } else { reserved::format(&declared.id, minor) };
            let Some(key) = key.filter(|key| !agree(declared, key)) else { continue };
            let said = format!("{place}/{} is declared {}", declared.id, words(declared.number, declared.kind));
            let meant = match meaning(place, declared, key) {
                Some((number, kind)) if (number, kind) != (declared.number, declared.kind) => {
                    (declared.number, declared.kind) = (number, kind);
                    header.oddities.push((format!("{place}/{}", declared.id), OVERRULED, 1));
                    format!("; other parts rest on it, so it is read as the specification reserves it, {}", words(number, kind))
                }
                _ => format!(" and read so; the specification reserves {}", words(key.number(), key.kind)),
            };
            notices.push(said + &meant);
        }
    }
    header.notices.extend(notices);
}

fn agree(declared: &Declaration, key: &Reserved) -> bool {
    (key.number() == Number::Unknown || key.number() == declared.number) && key.kind == declared.kind
}

/// What a key means whatever its declaration says: genotypes are recoded and searched for carriers, a record's end follows from
/// END and SVLEN, and local alleles say what other fields count in.
fn meaning(place: &str, declared: &Declaration, key: &Reserved) -> Option<(Number, VcfType)> {
    match (place, key.id) {
        ("FORMAT", "GT" | "LAA") | ("INFO", "END") => Some((key.number(), key.kind)),
        // How many lengths there are differs between versions and programs.
        ("INFO", "SVLEN") if declared.number == Number::Count(0) => Some((key.number(), key.kind)),
        ("INFO", "SVLEN") => Some((declared.number, key.kind)),
        _ => None,
    }
}

fn words(number: Number, kind: VcfType) -> String {
    format!("Number={}, Type={}", number.text(), kind.text())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(version: &str, line: &str) -> (Header, String, &'static str) {
        let text =
            format!("##fileformat=VCFv4.{version}\n##{line},Description=\"\">\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n");
        let header = Header::parse(text.as_bytes()).unwrap();
        let declared = header.info.iter().chain(&header.formats).next().unwrap();
        let read = (declared.number.text(), declared.kind.text());
        (header, read.0, read.1)
    }

    #[test]
    fn keys_that_other_stages_rest_on_win_over_their_declaration() {
        for (version, line, number, kind) in [
            ("2", "FORMAT=<ID=GT,Number=1,Type=Integer", "1", "String"),
            ("2", "FORMAT=<ID=GT,Number=.,Type=String", "1", "String"),
            ("0", "FORMAT=<ID=GT,Number=0,Type=Flag", "1", "String"),
            ("2", "INFO=<ID=END,Number=.,Type=String", "1", "Integer"),
            ("3", "INFO=<ID=SVLEN,Number=1,Type=Float", "1", "Integer"),
            ("5", "FORMAT=<ID=LAA,Number=.,Type=String", ".", "Integer"),
        ] {
            let (header, n, t) = settled(version, line);
            assert_eq!((n.as_str(), t), (number, kind), "{line}");
            assert_eq!((header.notices.len(), header.oddities.len()), (1, 1), "{line}");
            assert!(header.notices[0].contains("as the specification reserves it"), "{:?}", header.notices);
            assert!(header.oddities[0].0.contains("/"), "{line}");
        }
    }

    #[test]
    fn other_declarations_hold_and_are_told() {
        for (version, line, number, kind, told) in [
            ("2", "INFO=<ID=AC,Number=1,Type=String", "1", "String", 1),
            ("3", "FORMAT=<ID=AD,Number=.,Type=Integer", ".", "Integer", 1),
            ("2", "INFO=<ID=SVLEN,Number=1,Type=Integer", "1", "Integer", 0),
            ("2", "FORMAT=<ID=LAA,Number=.,Type=String", ".", "String", 0),
            ("2", "FORMAT=<ID=GT,Number=1,Type=String", "1", "String", 0),
        ] {
            let (header, n, t) = settled(version, line);
            assert_eq!((n.as_str(), t), (number, kind), "{line}");
            assert_eq!((header.notices.len(), header.oddities.len()), (told, 0), "{line}: {:?}", header.notices);
        }
    }
}
