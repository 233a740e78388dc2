//! Values that are kept as text, `KEY=VALUE;KEY`, as members of a JSON object: numbers as numbers, lists with a number among them
//! as arrays. It must not know where the text comes from.

/// Appends `,"KEY":VALUE` for every entry that has a value and whose key is free; of a repeated key the first.
#[cold]
pub(super) fn write(text: &str, is_free: impl Fn(&str) -> bool, out: &mut Vec<u8>) {
    let mut written: Vec<&str> = Vec::new();
    for (key, value) in text.split(';').filter_map(|entry| entry.split_once('=')) {
        if key.is_empty() || matches!(value, "" | ".") || written.contains(&key) || !is_free(key) {
            continue;
        }
        written.push(key);
        out.push(b',');
        string(key, out);
        out.push(b':');
        match value.contains(',') && value.split(',').any(is_number) {
            false => scalar(value, out),
            true => {
                out.push(b'[');
                for (nth, item) in value.split(',').enumerate() {
                    if nth > 0 {
                        out.push(b',');
                    }
                    scalar(item, out);
                }
                out.push(b']');
            }
        }
    }
}

fn scalar(text: &str, out: &mut Vec<u8>) {
    match text {
        "" | "." => out.extend_from_slice(b"null"),
        text if is_number(text) => out.extend_from_slice(text.as_bytes()),
        text => string(text, out),
    }
}

fn string(text: &str, out: &mut Vec<u8>) {
    // Writing a string to memory cannot fail.
    let _ = serde_json::to_writer(out, text);
}

/// Digits of a number, of its exponent: PostgreSQL's numeric holds more, but not any.
const LONGEST: usize = 64;
const EXPONENT: usize = 3;

/// Is it a number as JSON writes it (RFC 8259 section 6), within what a database holds?
fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (text, None),
    };
    let mantissa = mantissa.strip_prefix('-').unwrap_or(mantissa);
    let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(whole, fraction)| (whole, Some(fraction)));
    text.len() <= LONGEST
        && digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|exponent| digits(exponent) && exponent.len() <= EXPONENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(text: &str) -> String {
        let mut out = Vec::new();
        write(text, |key| key != "TAKEN", &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_are_numbers_and_the_rest_is_text() {
        assert_eq!(members("RS=2148352434"), r#","RS":2148352434"#);
        assert_eq!(members("QR=1.11571e+06;GQ=131.721;X=-0.5E-3"), r#","QR":1.11571e+06,"GQ":131.721,"X":-0.5E-3"#);
        assert_eq!(members("A=NA;B=0x1;C=007;D=+5;E=.5;F=1.;G=nan;H=a\"b"), {
            r#","A":"NA","B":"0x1","C":"007","D":"+5","E":".5","F":"1.","G":"nan","H":"a\"b""#
        });
        assert_eq!(members(&format!("A=1e9999;B={}", "9".repeat(65))), format!(r#","A":"1e9999","B":"{}""#, "9".repeat(65)));
    }

    #[test]
    fn lists_with_a_number_are_arrays() {
        assert_eq!(
            members("AD=1,q,.,9999999999;NOTE=hello, world;AF=,1"),
            r#","AD":[1,"q",null,9999999999],"NOTE":"hello, world","AF":[null,1]"#
        );
    }

    #[test]
    fn keys_that_are_taken_and_entries_without_values_are_left_out() {
        assert_eq!(members("FLAG;TAKEN=1;A=.;B=;=5;C=1;C=2"), r#","C":1"#);
        assert_eq!(members(""), "");
    }

    #[test]
    fn whatever_it_is_it_is_json() {
        for text in ["A=1,2;B=\u{1}\u{e9}", "A=-;B=e5;C=1e;D=-,1;E==;F=1=2", "a\"=\"", ";;=;,=,"] {
            let json = format!("{{\"x\":1{}}}", members(text));
            assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{json}");
        }
    }
}
