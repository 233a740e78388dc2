//! Plain counters of what a lenient decoder keeps although the specification does not know it so. It must not know which
//! field it counts for, nor the run.

crate::text::worded! {
    /// What can be odd about a value or a record that is kept.
    pub(crate) enum Odd {
        /// Another number of values than Number says; kept as the file has them.
        Miscount => "another number of values than declared",
        /// A genotype's allele index lies behind the last ALT.
        PastAlt => "an allele index behind the last ALT",
        /// The value does not read as the field's type; kept as text.
        Misfit => "a value that is not of the declared type, kept as text",
        /// The same, or several values where one is declared, without a place to keep it.
        Dropped => "a value that does not fit its declaration, dropped as no catch-all column is read",
        /// The key comes a second time in one record; kept as text.
        Repeated => "the key is repeated in a record, kept as text",
        /// A flag with a value; the value is kept as text.
        FlagValue => "a flag with a value, kept as text",
        /// A key of a type that has values, without one.
        NoValue => "a key without its value",
        /// A key found neither in the header nor in the first records; kept as text.
        Undeclared => "a key that neither the header nor the first records know, kept as text",
        /// Nothing between two separators.
        Empty => "an empty entry",
        /// END lies before POS; the record's end is that of REF.
        EndBeforePos => "END lies before POS",
        /// END lies behind the contig, or the other end is on another contig; the record's end is that of REF.
        EndElsewhere => "END lies behind the contig's end or is another contig's, passed over",
        /// No header line declares it.
        NoHeaderLine => "no header line declares it",
        /// More columns than the header names; passed over.
        SurplusColumns => "more columns than the header names, passed over",
        /// The file ends without a line ending.
        OpenEnd => "the last line has no line ending: the file may be cut",
    }
}

impl Odd {
    const ALL: [Odd; 14] = [
        Odd::Miscount,
        Odd::PastAlt,
        Odd::Misfit,
        Odd::Dropped,
        Odd::Repeated,
        Odd::FlagValue,
        Odd::NoValue,
        Odd::Undeclared,
        Odd::Empty,
        Odd::EndBeforePos,
        Odd::EndElsewhere,
        Odd::NoHeaderLine,
        Odd::SurplusColumns,
        Odd::OpenEnd,
    ];
}

/// Counters of one field.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally([u64; Odd::ALL.len()]);

impl Tally {
    #[inline]
    pub(crate) fn add(&mut self, odd: Odd) {
        self.0[odd as usize] += 1;
    }

    /// What was counted at least once.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (Odd, u64)> {
        Odd::ALL.into_iter().zip(self.0).filter(|(_, count)| *count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_counter_of_its_own() {
        for odd in Odd::ALL {
            let mut tally = Tally::default();
            tally.add(odd);
            assert_eq!(tally.counts().collect::<Vec<_>>(), [(odd, 1)]);
        }
    }
}
