//! The inside of a structured header line, to the letter: `<ID=AC,Number=A,Description="a \"b\"">` (4.3 section 1.4; the
//! templates of 1.2 before). It must not know what the keys mean.

/// Why a line is not conforming, in fixed words.
pub(super) type Words = &'static str;

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Plain,
    Quoted,
    /// `[a, b]`
    Listed,
}

/// One `key=value`, escapes undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub key: String,
    pub value: String,
    pub form: Form,
}

/// Parts of a line that are read: no line has so many.
const MOST: usize = 1000;

/// Reads the value of a structured line.
pub(super) fn pairs(value: &str) -> Result<Vec<Pair>, Words> {
    let inside = value.strip_prefix('<').ok_or("the value does not begin with `<`")?;
    let inside = inside.strip_suffix('>').ok_or("the value does not end with `>`")?;
    let mut pairs = Vec::new();
    let mut rest = inside;
    loop {
        let (key, behind) = rest.split_once('=').ok_or("a part without `=`")?;
        if key.is_empty() || !key.chars().all(|c| c.is_ascii_alphanumeric() || "_.-+".contains(c)) {
            return Err("a part without a key");
        }
        let (value, form, behind) = match behind.chars().next() {
            Some('"') => {
                let (value, behind) = quoted(&behind[1..])?;
                (value, Form::Quoted, behind)
            }
            Some('[') if key == "Values" => {
                let (list, behind) = behind[1..].split_once(']').ok_or("a list without its `]`")?;
                (list.to_owned(), Form::Listed, behind)
            }
            _ => {
                let end = behind.find(',').unwrap_or(behind.len());
                (behind[..end].to_owned(), Form::Plain, &behind[end..])
            }
        };
        if form == Form::Plain {
            // The id of a symbolic allele may hold a quote, nothing else may.
            let quote = value.contains('"') && key != "ID";
            if value.is_empty() || value.contains(['<', '>']) || quote {
                return Err("a value that must be quoted");
            }
        }
        if pairs.len() == MOST {
            return Err("more parts than are read");
        }
        pairs.push(Pair { key: key.to_owned(), value, form });
        match behind.strip_prefix(',') {
            Some(next) => rest = next,
            None if behind.is_empty() => return Ok(pairs),
            None => return Err("a quote inside a quoted value that is not escaped"),
        }
    }
}

/// Up to the closing quote, and what follows it.
fn quoted(text: &str) -> Result<(String, &str), Words> {
    let (mut value, mut escaped) = (String::new(), false);
    for (at, char) in text.char_indices() {
        match char {
            _ if escaped => {
                value.push(char);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => return Ok((value, &text[at + 1..])),
            _ => value.push(char),
        }
    }
    Err("a quoted value without its closing quote")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_and_forms() {
        let read = pairs(r#"<ID=X!"=,Description="a, b=\"c\" \\",Values=[a, b],length=5>"#).unwrap();
        let read: Vec<_> = read.iter().map(|pair| (pair.key.as_str(), pair.value.as_str(), pair.form)).collect();
        let expected = [
            ("ID", "X!\"=", Form::Plain),
            ("Description", r#"a, b="c" \"#, Form::Quoted),
            ("Values", "a, b", Form::Listed),
            ("length", "5", Form::Plain),
        ];
        assert_eq!(read, expected);
    }

    #[test]
    fn sloppy_lines() {
        for bad in [
            "",
            "<",
            "<>",
            "ID=1",
            "<ID=1",
            "<ID>",
            "<ID=1,>",
            "<ID=1,A>",
            "<ID=>",
            "<=1>",
            r#"<D="a "b" c">"#,
            r#"<D="a>"#,
            "<ID=A<B>",
            "<ID=A>B>",
            r#"<D=a"b>"#,
            "<Values=[a>",
            r#"<D="a"b>"#,
            r#"<D="a\">"#,
        ] {
            assert!(pairs(bad).is_err(), "{bad}");
        }
    }
}
