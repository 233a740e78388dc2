//! Records: any lines behind a header that declares every Type and Number. The first byte is the settings, the second the
//! VCF version, the third the size of units.

#![no_main]

use genogate::source::vcf::OnBadRecord;
use genogate_fuzz::{check_cuts, read, settings, with_file};
use libfuzzer_sys::fuzz_target;

const HEAD: &str = include_str!("../head.vcf");

fuzz_target!(|bytes: &[u8]| {
    let [options, version, unit, records @ ..] = bytes else { return };
    let config = settings(*options);
    let head = HEAD.replace("VCFv4.3", &format!("VCFv4.{}", version % 6));
    let text = [head.as_bytes(), records].concat();
    let Some(whole) = with_file(&text, |path| check_cuts(&config, path, u64::from(*unit) * 4 + 1)) else { return };
    let mut failing = config.clone();
    failing.on_bad_record = OnBadRecord::Fail;
    let failed = with_file(&text, |path| read(&failing, path, 1));
    assert_eq!(failed.is_err(), whole.bad() > 0, "quarantine and fail disagree about what is bad");

    // A bad record leaves nothing behind: without it the others are the same rows. Keys that only it has are columns less.
    let bad: Vec<u64> = whole.units.iter().flat_map(|unit| &unit.bad).map(|bad| bad.line).collect();
    if !bad.is_empty() && whole.units.len() == 1 {
        let lines = text.split_inclusive(|byte| *byte == b'\n').zip(0u64..);
        let good: Vec<u8> = lines.filter(|(_, at)| !bad.contains(at)).flat_map(|(line, _)| line).copied().collect();
        let good = with_file(&good, |path| read(&config, path, 1)).expect("the good records alone");
        if good.rows.schema() == whole.rows.schema() {
            assert_eq!(good.bad(), 0, "a good record is bad without the bad ones");
            assert_eq!(good.rows, whole.rows, "a bad record changes the rows of others");
        }
    }
});
