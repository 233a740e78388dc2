//! Headers: any text as one, leniently and strictly. What strict takes lenient takes too, as the same fields. The input is a
//! file's text.

#![no_main]

use genogate_fuzz::{inspect, settings, with_file};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    with_file(bytes, |path| {
        let read = |byte| inspect(&settings(byte), path);
        let (lenient, strict) = (read(0), read(1));
        let _annotated = read(8);
        match (&lenient, &strict) {
            (Ok(lenient), Ok(strict)) => assert_eq!(lenient.table.schema(), strict.table.schema()),
            (Err(error), Ok(_)) => panic!("lenient refuses what strict takes: {error}"),
            _ => {}
        }
        let samples = |inspection: &genogate::flow::Inspection| inspection.document.inputs[0].samples.len();
        if let Ok(lenient) = &lenient {
            assert!(samples(lenient) <= bytes.len());
        }
    });
});
