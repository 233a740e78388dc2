//! One set of INFO and FORMAT fields for all inputs of a load. It must not know Arrow or records.

use std::collections::HashMap;

use super::model::{Declaration, Header};
use crate::flow::{Number, VcfType, Word};

/// A field all inputs agree on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub id: String,
    pub number: Number,
    pub kind: VcfType,
    /// Declared by no header: values that do not fit go to the catch-all column instead of spoiling the record.
    pub inferred: bool,
    /// What is known of the id.
    pub word: Word,
}

impl Field {
    /// How messages name it: `INFO/AC`, or the column alone when its id is not to be told.
    pub(crate) fn told(&self, column: &str) -> String {
        told(column, &self.id, self.word)
    }
}

/// A word of the file as messages name it.
fn told(column: &str, id: &str, word: Word) -> String {
    if word == Word::Known { format!("{column}/{id}") } else { column.to_owned() }
}

/// A field that inputs declare differently.
#[derive(Clone, Debug)]
pub(crate) struct Differing {
    column: &'static str,
    id: String,
    read: String,
}

impl Differing {
    /// In words, when `word` is what is known of the field's id.
    pub(crate) fn text(&self, word: impl Fn(&str, &str) -> Word) -> String {
        let told = told(self.column, &self.id, word(self.column, &self.id));
        format!("the inputs declare {told} differently; read as {}", self.read)
    }
}

/// The fields of all inputs, in order of first appearance.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    pub info: Vec<Field>,
    pub formats: Vec<Field>,
    /// Where inputs disagree.
    pub notices: Vec<Differing>,
}

/// Puts the inputs' declarations together. Of two types the wider one holds: Float before Integer, String before anything. Of
/// two numbers the one that says more: `A`, `R` or `G` before `.` and 1, which leave a list of alleles' values as it is; where a
/// record's values are as many as it asks for it is right, and where not the record shows it. Else `.`.
pub(crate) fn merge<'a>(headers: impl Iterator<Item = &'a Header>) -> Fields {
    let mut fields = Fields::default();
    let (mut info, mut formats) = (HashMap::new(), HashMap::new());
    for header in headers {
        add(&mut fields.info, &mut info, &header.info);
        add(&mut fields.formats, &mut formats, &header.formats);
    }
    for (place, list, known) in [("INFO", &mut fields.info, &info), ("FORMAT", &mut fields.formats, &formats)] {
        for field in list {
            let Some(Known { differ: true, numbers, .. }) = known.get(&field.id) else { continue };
            field.number = together(numbers);
            let (number, kind) = (field.number.text(), field.kind.text());
            let read = format!("Number={number}, Type={kind}");
            fields.notices.push(Differing { column: place, id: field.id.clone(), read });
        }
    }
    fields
}

/// What inputs said of a field so far.
struct Known {
    at: usize,
    /// Each number once, with whether it is that of a flag.
    numbers: Vec<(Number, bool)>,
    differ: bool,
    /// Some header declares it; some input's records were read otherwise.
    declared: bool,
    guessed: bool,
}

fn add(fields: &mut Vec<Field>, known: &mut HashMap<String, Known>, declarations: &[Declaration]) {
    for Declaration { id, number, kind, inferred } in declarations {
        let said = (*number, *kind == VcfType::Flag);
        let at = fields.len();
        let new = || Known { at, numbers: vec![said], differ: false, declared: !inferred, guessed: *inferred };
        let known = known.entry(id.clone()).or_insert_with(new);
        let Some(field) = fields.get_mut(known.at) else {
            let word = if *inferred { Word::Undeclared } else { Word::Known };
            fields.push(Field { id: id.clone(), number: *number, kind: *kind, inferred: *inferred, word });
            continue;
        };
        if !*inferred {
            field.word = Word::Known;
        }
        let same = (field.number, field.kind) == (*number, *kind);
        match (known.declared, inferred) {
            // A declaration beats what was inferred from another input's records; misfits have the catch-all column.
            (true, true) => known.guessed |= !same,
            (false, false) => {
                (field.number, field.kind, known.numbers) = (*number, *kind, vec![said]);
                (known.declared, known.guessed) = (true, !same);
            }
            _ => {
                known.differ |= !same;
                field.kind = wider_type(field.kind, *kind);
                if !known.numbers.contains(&said) {
                    known.numbers.push(said);
                }
            }
        }
        field.inferred = known.guessed;
    }
}

/// The number that differing declarations come to.
fn together(numbers: &[(Number, bool)]) -> Number {
    if let [(number, _)] = numbers {
        return *number;
    }
    let mut telling = numbers.iter().filter(|said| !matches!(said, (Number::Unknown | Number::Count(1), false)));
    match (telling.next(), telling.next()) {
        (Some((number, _)), None) if !matches!(number, Number::Count(_)) => *number,
        _ => Number::Unknown,
    }
}

fn wider_type(a: VcfType, b: VcfType) -> VcfType {
    match (a, b) {
        _ if a == b => a,
        (VcfType::Integer, VcfType::Float) | (VcfType::Float, VcfType::Integer) => VcfType::Float,
        _ => VcfType::String,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(info: &str) -> Header {
        let text = format!("##fileformat=VCFv4.2\n##INFO=<ID=X,{info}>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n");
        Header::parse(text.as_bytes()).unwrap()
    }

    fn merged_all(declarations: &[&str]) -> (String, &'static str, usize) {
        let headers: Vec<Header> = declarations.iter().map(|info| header(info)).collect();
        let fields = merge(headers.iter());
        (fields.info[0].number.text(), fields.info[0].kind.text(), fields.notices.len())
    }

    fn merged(a: &str, b: &str) -> (String, &'static str, usize) {
        assert_eq!(merged_all(&[a, b]), merged_all(&[b, a]));
        merged_all(&[a, b])
    }

    #[test]
    fn the_wider_type_and_the_number_that_says_more_hold() {
        assert_eq!(merged("Number=1,Type=Integer", "Number=1,Type=Integer"), ("1".into(), "Integer", 0));
        assert_eq!(merged("Number=1,Type=Integer", "Number=1,Type=Float"), ("1".into(), "Float", 1));
        assert_eq!(merged("Number=A,Type=Integer", "Number=1,Type=Integer"), ("A".into(), "Integer", 1));
        assert_eq!(merged("Number=A,Type=Integer", "Number=.,Type=Float"), ("A".into(), "Float", 1));
        assert_eq!(merged("Number=R,Type=Integer", "Number=.,Type=Integer"), ("R".into(), "Integer", 1));
        assert_eq!(merged("Number=A,Type=Integer", "Number=R,Type=Integer"), (".".into(), "Integer", 1));
        assert_eq!(merged("Number=A,Type=Integer", "Number=2,Type=Integer"), (".".into(), "Integer", 1));
        assert_eq!(merged("Number=1,Type=Integer", "Number=.,Type=Integer"), (".".into(), "Integer", 1));
        let [a, r, open] = ["A", "R", "."].map(|number| format!("Number={number},Type=Integer"));
        for order in [[&a, &r, &a, &open], [&open, &a, &open, &r], [&r, &open, &a, &a]] {
            assert_eq!(merged_all(&order.map(String::as_str)), (".".into(), "Integer", 1));
        }
        assert_eq!(merged("Number=0,Type=Flag", "Number=1,Type=Integer"), (".".into(), "String", 1));
    }
}
