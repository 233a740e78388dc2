//! The columns of one record, cut but not checked. It must not know rules.

/// The columns of one record.
pub(super) struct Record<'a> {
    pub chrom: &'a [u8],
    pub pos: i64,
    pub reference: &'a [u8],
    /// ALT split at commas; none for `.`.
    pub alts: Vec<&'a [u8]>,
    pub info: Vec<(&'a [u8], Option<&'a [u8]>)>,
}

impl<'a> Record<'a> {
    pub(super) fn info(&self, key: &str) -> Option<&'a [u8]> {
        self.info.iter().find(|(known, _)| *known == key.as_bytes()).map(|(_, value)| value.unwrap_or_default())
    }

    /// Could this be how many ALT alleles there are? Files count `.` as none or as one.
    pub(super) fn is_alts(&self, count: usize) -> bool {
        count == self.alts.len() || (self.alts.is_empty() && count == 1)
    }
}
