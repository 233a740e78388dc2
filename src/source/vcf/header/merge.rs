//! One set of INFO and FORMAT fields for all inputs of a load. It must not know Arrow or records.

use std::collections::HashMap;

use super::model::{Declaration, Header};
use crate::flow::{Number, VcfType};

/// A field all inputs agree on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub id: String,
    pub number: Number,
    pub kind: VcfType,
    /// Declared by no header: values that do not fit go to the catch-all column instead of spoiling the record.
    pub inferred: bool,
}

/// The fields of all inputs, in order of first appearance.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    pub info: Vec<Field>,
    pub formats: Vec<Field>,
    /// Where inputs disagree.
    pub notices: Vec<String>,
}

/// Puts the inputs' declarations together. Where two differ, the wider one holds: Float before Integer, String before
/// anything, `.` before a count.
pub(crate) fn merge<'a>(headers: impl Iterator<Item = &'a Header>) -> Fields {
    let mut fields = Fields::default();
    let (mut info, mut formats) = (HashMap::new(), HashMap::new());
    for header in headers {
        add(&mut fields.info, &mut info, &header.info, "INFO", &mut fields.notices);
        add(&mut fields.formats, &mut formats, &header.formats, "FORMAT", &mut fields.notices);
    }
    fields
}

fn add(
    fields: &mut Vec<Field>,
    index: &mut HashMap<String, usize>,
    declarations: &[Declaration],
    place: &str,
    notices: &mut Vec<String>,
) {
    for Declaration { id, number, kind, inferred } in declarations {
        let next = fields.len();
        let at = *index.entry(id.clone()).or_insert(next);
        let Some(field) = fields.get_mut(at) else {
            fields.push(Field { id: id.clone(), number: *number, kind: *kind, inferred: *inferred });
            continue;
        };
        if (field.number, field.kind) == (*number, *kind) {
            field.inferred &= *inferred;
        } else if field.inferred != *inferred {
            // A declaration beats what was inferred from another input's records; misfits have the catch-all column.
            if field.inferred {
                (field.number, field.kind) = (*number, *kind);
            }
            field.inferred = true;
        } else {
            let wide = (wider_number(field.number, *number, field.kind, *kind), wider_type(field.kind, *kind));
            (field.number, field.kind) = wide;
            let (number, kind) = (field.number.text(), field.kind.text());
            notices.push(format!("the inputs declare {place}/{id} differently; read as Number={number}, Type={kind}"));
        }
    }
}

fn wider_type(a: VcfType, b: VcfType) -> VcfType {
    match (a, b) {
        _ if a == b => a,
        (VcfType::Integer, VcfType::Float) | (VcfType::Float, VcfType::Integer) => VcfType::Float,
        _ => VcfType::String,
    }
}

fn wider_number(a: Number, b: Number, kind_a: VcfType, kind_b: VcfType) -> Number {
    if a == b && (kind_a == VcfType::Flag) == (kind_b == VcfType::Flag) { a } else { Number::Unknown }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(info: &str) -> Header {
        let text = format!("##fileformat=VCFv4.2\n##INFO=<ID=X,{info}>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n");
        Header::parse(text.as_bytes()).unwrap()
    }

    fn merged(a: &str, b: &str) -> (String, &'static str, usize) {
        let fields = merge([header(a), header(b)].iter());
        (fields.info[0].number.text(), fields.info[0].kind.text(), fields.notices.len())
    }

    #[test]
    fn the_wider_declaration_holds() {
        assert_eq!(merged("Number=1,Type=Integer", "Number=1,Type=Integer"), ("1".into(), "Integer", 0));
        assert_eq!(merged("Number=1,Type=Integer", "Number=1,Type=Float"), ("1".into(), "Float", 1));
        assert_eq!(merged("Number=A,Type=Integer", "Number=1,Type=Integer"), (".".into(), "Integer", 1));
        assert_eq!(merged("Number=0,Type=Flag", "Number=1,Type=Integer"), (".".into(), "String", 1));
    }
}
