//! Numbers as VCF text, from integers only: a quotient is rounded by integer division, so every machine writes the same.
//! It must not know what the numbers mean.

/// Appends `n` in decimal.
pub(super) fn integer(out: &mut Vec<u8>, mut n: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1; // u64 has at most 20 digits
        digits[at] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Appends `n` with a sign when negative.
pub(super) fn signed(out: &mut Vec<u8>, n: i64) {
    if n < 0 {
        out.push(b'-');
    }
    integer(out, n.unsigned_abs());
}

/// Appends `thousandths` / 1000 with three decimals.
pub(super) fn thousandths(out: &mut Vec<u8>, thousandths: i64) {
    if thousandths < 0 {
        out.push(b'-');
    }
    let n = thousandths.unsigned_abs();
    integer(out, n / 1000);
    out.push(b'.');
    padded(out, n % 1000, 3);
}

/// Appends `part` / `whole` (at most 1) with six significant digits; below 0.0001 in scientific notation, as gnomAD does.
pub(super) fn ratio(out: &mut Vec<u8>, part: u64, whole: u64) {
    if part == 0 || whole == 0 {
        out.push(b'0');
        return;
    }
    if part >= whole {
        out.push(b'1');
        return;
    }
    let (part, whole) = (u128::from(part), u128::from(whole));
    let mut shift = 6;
    let mut power = 1_000_000;
    while part * power < whole * 100_000 {
        power *= 10;
        shift += 1;
    }
    let rounded = ((part * power + whole / 2) / whole) as u64;
    // Rounding may carry into a seventh digit.
    let (mut digits, shift) = if rounded == 1_000_000 { (100_000, shift - 1) } else { (rounded, shift) };
    let mut significant: usize = 6;
    while digits % 10 == 0 && significant > 1 {
        digits /= 10;
        significant -= 1;
    }
    if shift < 6 {
        out.push(b'1'); // 0.9999999 rounds to one
    } else if shift <= 9 {
        out.extend_from_slice(b"0.");
        padded(out, digits, significant + shift - 6);
    } else {
        let leading = 10_u64.pow(significant as u32 - 1);
        integer(out, digits / leading);
        if significant > 1 {
            out.push(b'.');
            padded(out, digits % leading, significant - 1);
        }
        out.extend_from_slice(b"e-");
        padded(out, shift as u64 - 5, 2);
    }
}

/// Appends `n` with leading zeros up to `width` digits.
pub(super) fn padded(out: &mut Vec<u8>, n: u64, width: usize) {
    let digits = n.checked_ilog10().map_or(1, |log| log as usize + 1);
    out.extend(std::iter::repeat_n(b'0', width.saturating_sub(digits)));
    integer(out, n);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_reads_back_as_the_quotient() {
        for (part, whole) in [(1, 152_312), (1, 3), (2, 3), (1, 2), (1, 10_000), (9_999_999, 10_000_000), (7, 70_000_000), (1, 8)]
        {
            let mut out = Vec::new();
            ratio(&mut out, part, whole);
            let text = String::from_utf8(out).unwrap();
            let (read, exact): (f64, f64) = (text.parse().unwrap(), part as f64 / whole as f64);
            assert!((read - exact).abs() <= exact * 1e-5, "{part}/{whole} became {text}");
        }
    }

    #[test]
    fn signs_and_zeros_are_kept() {
        let mut out = Vec::new();
        for n in [-1, -1500, 0, 42, 1005] {
            thousandths(&mut out, n);
            out.push(b' ');
        }
        signed(&mut out, -7);
        padded(&mut out, 0, 3);
        assert_eq!(out, b"-0.001 -1.500 0.000 0.042 1.005 -7000");
    }
}
