//! What a header and a version demand. It must not know records.

use crate::flow::{Number, VcfType};
use crate::source::vcf::hash::KeyMap;
use crate::source::vcf::header::{Header, reserved};

/// What a key's values must be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    pub number: Number,
    pub kind: VcfType,
}

/// What one input's header and version demand of its records.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(super) minor: u32,
    pub(super) columns: usize,
    pub(super) info: KeyMap<Rule>,
    formats: KeyMap<Rule>,
}

impl Rules {
    /// Declared keys count as declared, the others as the version reserves them.
    pub(crate) fn of(header: &Header) -> Self {
        let (info, formats) = reserved::all(header.minor);
        let of = |key: &reserved::Reserved| (Box::from(key.id.as_bytes()), Rule { number: key.number(), kind: key.kind });
        // Neither key is used by the specification's own files as its table has it (docs/vcf-conformance.md).
        let mut info: KeyMap<Rule> = info.filter(|key| key.id != "SB").map(of).collect();
        let mut formats: KeyMap<Rule> = formats.filter(|key| !matches!(key.id, "GLE" | "CNL" | "CNP")).map(of).collect();
        for (rules, declared) in [(&mut info, &header.info), (&mut formats, &header.formats)] {
            for one in declared.iter().filter(|one| !one.inferred) {
                rules.insert(one.id.as_bytes().into(), Rule { number: one.number, kind: one.kind });
            }
        }
        Self { minor: header.minor, columns: header.columns, info, formats }
    }

    pub(super) fn format(&self, key: &[u8]) -> Option<Rule> {
        let known = self.formats.get(key).copied();
        known.or_else(|| {
            let key = std::str::from_utf8(key).ok().filter(|id| id.starts_with(['M', 'D', 'A']))?;
            let rule = reserved::format(key, self.minor)?;
            Some(Rule { number: rule.number(), kind: rule.kind })
        })
    }
}
