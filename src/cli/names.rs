//! What inputs are called: by their path on the caller's terminal, by their number everywhere else, as a path may name a person. It
//! must not know who speaks of them.

use std::path::PathBuf;
use std::sync::OnceLock;

/// The inputs of this process's pipeline: there is one.
static INPUTS: OnceLock<Vec<Option<PathBuf>>> = OnceLock::new();

/// Says what `input 1`, `input 2`, … are; `None` is standard input.
pub fn name(inputs: Vec<Option<PathBuf>>) {
    let _ = INPUTS.set(inputs);
}

/// The text with the inputs' paths in the place of their numbers.
pub fn by_path(text: &str) -> String {
    INPUTS.get().map_or_else(|| text.to_owned(), |inputs| replaced(text, inputs))
}

fn replaced(text: &str, inputs: &[Option<PathBuf>]) -> String {
    const MARK: &str = "input ";
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find(MARK) {
        let (before, behind) = rest.split_at(at);
        let digits = behind[MARK.len()..].find(|c: char| !c.is_ascii_digit()).unwrap_or(behind.len() - MARK.len());
        let (number, after) = behind[MARK.len()..].split_at(digits);
        let named = number.parse::<usize>().ok().and_then(|number| inputs.get(number.checked_sub(1)?));
        out.push_str(before);
        match named.filter(|_| !before.ends_with(char::is_alphanumeric)) {
            Some(Some(path)) => out.push_str(&path.display().to_string()),
            Some(None) => out.push_str("standard input"),
            None => out.push_str(&behind[..MARK.len() + digits]),
        }
        rest = after;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_inputs_become_paths() {
        let inputs = [Some(PathBuf::from("a/x.vcf")), None];
        let said = |text: &str| replaced(text, &inputs);
        assert_eq!(said("input 1: cut; see input 2, input 12"), "a/x.vcf: cut; see standard input, input 12");
        assert_eq!(said("no file can be loaded; input 1: x"), "no file can be loaded; a/x.vcf: x");
        assert_eq!(
            said("standard input is empty; myinput 1; input 0; input "),
            "standard input is empty; myinput 1; input 0; input "
        );
    }
}
