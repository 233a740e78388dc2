//! A record's alleles, and which ALT an annotation's entry is about. It must not know how entries are written.

/// Which ALT an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// This one, from 1.
    Alt(u32),
    /// The entry names no allele: it holds for every ALT of its record.
    Every,
    /// It names an allele that the record does not have, or that could be two of them.
    Unknown,
}

/// REF and the ALTs of one record.
#[derive(Debug, Default)]
pub(super) struct Alleles<'a> {
    pub reference: &'a str,
    pub alts: Vec<&'a str>,
    /// POS, 1-based.
    pub pos: i64,
}

impl<'a> Alleles<'a> {
    /// Another record's.
    pub(super) fn set(&mut self, pos: i64, reference: &'a str, alt: Option<&'a str>) {
        self.pos = pos;
        self.reference = reference;
        self.alts.clear();
        self.alts.extend(alt.into_iter().flat_map(|alt| alt.split(',')));
    }

    /// The ALT for which `fits` holds; unknown when two different ones fit.
    pub(super) fn only(&self, fits: impl Fn(&'a str) -> bool) -> Option<About> {
        let mut fitting = self.alts.iter().enumerate().filter(|(_, alt)| fits(alt));
        let (first, alt) = fitting.next()?;
        match fitting.all(|(_, other)| other == alt) {
            true => Some(About::Alt(first as u32 + 1)),
            false => Some(About::Unknown),
        }
    }

    /// The ALT with this number, from 1.
    pub(super) fn numbered(&self, number: usize) -> About {
        if (1..=self.alts.len()).contains(&number) { About::Alt(number as u32) } else { About::Unknown }
    }

    /// What an entry that names no allele is about.
    pub(super) fn every(&self) -> About {
        if self.alts.len() == 1 { About::Alt(1) } else { About::Every }
    }
}

/// Is it a sequence of bases?
pub(super) fn is_sequence(allele: &str) -> bool {
    !allele.is_empty() && allele.bytes().all(|base| base.is_ascii_alphabetic())
}
