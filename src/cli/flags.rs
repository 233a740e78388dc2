//! The flags of `load` that set a key of the pipeline file: one list of names, keys and how a flag's text becomes the key's value.
//! What `--help` says of a flag is what the schema says of its key. It must not know what a key does.

use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::{Map, Value, json};

use crate::source::vcf::split_regions;
use crate::spec;

/// How a flag's text becomes the value of its key.
#[derive(Clone, Copy)]
enum Takes {
    /// One word or text.
    Text(&'static str),
    Number(&'static str),
    /// A comma-separated list.
    List(&'static str),
    /// The same, of regions, whose positions may hold commas.
    Regions(&'static str),
    /// A number, or a word.
    NumberOrWord(&'static str),
    /// The same, or one of these words alone.
    ListOr(&'static str, &'static [&'static str]),
    /// Nothing, or a text behind `=`.
    Maybe(&'static str),
}

struct Flag {
    long: &'static str,
    short: Option<char>,
    key: &'static str,
    takes: Takes,
}

const fn flag(long: &'static str, key: &'static str, takes: Takes) -> Flag {
    Flag { long, short: None, key, takes }
}

const fn short(short: char, long: &'static str, key: &'static str, takes: Takes) -> Flag {
    Flag { long, short: Some(short), key, takes }
}

/// A flag that means what it means in bcftools has that name.
const FLAGS: &[Flag] = &[
    flag("profile", "profile", Takes::Text("WORD")),
    short('r', "regions", "source.vcf.regions", Takes::Regions("REGION")),
    flag("regions-overlap", "source.vcf.regions_overlap", Takes::NumberOrWord("0|1|2")),
    flag("contigs", "source.vcf.contigs", Takes::List("CONTIG")),
    flag("regions-without-index", "source.vcf.regions_without_index", Takes::Text("WORD")),
    short('s', "samples", "source.vcf.samples", Takes::List("SAMPLE")),
    short('S', "samples-file", "source.vcf.samples_file", Takes::Text("FILE")),
    flag("info", "source.vcf.info", Takes::ListOr("KEY", &["all", "none"])),
    flag("formats", "source.vcf.formats", Takes::List("KEY")),
    flag("csq", "source.vcf.csq", Takes::Maybe("KEY")),
    flag("ann", "source.vcf.ann", Takes::Maybe("KEY")),
    flag("bcsq", "source.vcf.bcsq", Takes::Maybe("KEY")),
    flag("calls", "source.vcf.calls", Takes::Text("WORD")),
    flag("conformance", "source.vcf.conformance", Takes::Text("WORD")),
    flag("on-bad-record", "source.vcf.on_bad_record", Takes::Text("WORD")),
    flag("max-bad-records", "source.vcf.max_bad_records", Takes::Number("N")),
    flag("on-bad-file", "source.vcf.on_bad_file", Takes::Text("WORD")),
    short('f', "fasta-ref", "source.vcf.reference", Takes::Text("FILE")),
    flag("unit", "source.vcf.unit", Takes::Text("SIZE")),
];

/// The keys that were set, in the pipeline's own structure.
#[derive(Clone, Debug, Default)]
pub struct Flags(Map<String, Value>);

impl Flags {
    /// The pipeline with what the flags say; `{}` where they say nothing.
    pub fn pipeline(&self) -> Map<String, Value> {
        self.0.clone()
    }

    /// The value of a key, by its dotted path.
    pub fn get(&self, key: &str) -> Option<&Value> {
        key.split('.').try_fold(None, |at: Option<&Value>, part| {
            let next = match at {
                None => self.0.get(part),
                Some(value) => value.get(part),
            };
            next.map(Some)
        })?
    }

    fn set(&mut self, key: &str, value: Value) {
        let mut parts: Vec<&str> = key.split('.').collect();
        let Some(last) = parts.pop() else { return };
        let mut at = &mut self.0;
        for part in parts {
            let next = at.entry(part).or_insert_with(|| json!({}));
            let Value::Object(inner) = next else { return };
            at = inner;
        }
        at.insert(last.to_owned(), value);
    }
}

impl Flag {
    fn arg(&self, schema: &Value) -> Arg {
        let arg = Arg::new(self.long).long(self.long).help(description(schema, self.key).unwrap_or_default());
        let arg = match self.short {
            Some(short) => arg.short(short),
            None => arg,
        };
        match self.takes {
            Takes::Text(name) => arg.value_name(name).allow_hyphen_values(false),
            Takes::NumberOrWord(name) => arg.value_name(name),
            Takes::Regions(name) => arg.value_name(name).action(ArgAction::Append),
            Takes::Number(name) => arg.value_name(name).value_parser(clap::value_parser!(u64)),
            Takes::List(name) | Takes::ListOr(name, _) => arg.value_name(name).value_delimiter(',').action(ArgAction::Append),
            Takes::Maybe(name) => arg.value_name(name).num_args(0..=1).require_equals(true).default_missing_value(""),
        }
    }

    /// What was typed, as the key's value.
    fn value(&self, matches: &ArgMatches) -> Option<Value> {
        let texts = || matches.get_many::<String>(self.long).map(|texts| texts.collect::<Vec<_>>());
        match self.takes {
            Takes::Text(_) => matches.get_one::<String>(self.long).map(|text| json!(text)),
            Takes::Number(_) => matches.get_one::<u64>(self.long).map(|number| json!(number)),
            Takes::NumberOrWord(_) => matches.get_one::<String>(self.long).map(|text| match text.parse::<u64>() {
                Ok(number) => json!(number),
                Err(_) => json!(text),
            }),
            Takes::Regions(_) => {
                texts().map(|texts| json!(texts.into_iter().flat_map(|text| split_regions(text, |_| false)).collect::<Vec<_>>()))
            }
            Takes::List(_) => texts().map(|texts| json!(texts)),
            Takes::ListOr(_, words) => texts().map(|texts| match texts.as_slice() {
                [word] if words.contains(&word.as_str()) => json!(word),
                _ => json!(texts),
            }),
            Takes::Maybe(_) => matches.get_one::<String>(self.long).map(|id| if id.is_empty() { json!(true) } else { json!(id) }),
        }
    }
}

/// What the schema says of a key, on one line.
fn description(schema: &Value, key: &str) -> Option<String> {
    let mut at = schema;
    let mut said = None;
    for part in key.split('.') {
        at = [Some(at), referenced(schema, at)].into_iter().flatten().find_map(|node| property(schema, node, part))?;
        said = at.get("description").or_else(|| referenced(schema, at)?.get("description")).and_then(Value::as_str);
    }
    said.map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn referenced<'a>(schema: &'a Value, node: &'a Value) -> Option<&'a Value> {
    schema.pointer(node.get("$ref")?.as_str()?.strip_prefix('#')?)
}

/// A key of a map, or of one of the forms a value may take.
fn property<'a>(schema: &'a Value, node: &'a Value, name: &str) -> Option<&'a Value> {
    let forms = ["oneOf", "anyOf"].into_iter().filter_map(|word| node.get(word)?.as_array()).flatten();
    let own = node.get("properties").and_then(|properties| properties.get(name));
    own.or_else(|| forms.filter_map(|form| property(schema, referenced(schema, form).unwrap_or(form), name)).next())
}

impl clap::Args for Flags {
    fn augment_args(command: Command) -> Command {
        let schema = spec::schema();
        command.args(FLAGS.iter().map(|flag| flag.arg(&schema)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for flag in FLAGS {
            if let Some(value) = flag.value(matches) {
                self.set(flag.key, value);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args, FromArgMatches};

    use super::*;

    fn typed(words: &[&str]) -> Value {
        let command = Flags::augment_args(Command::new("load")).no_binary_name(true);
        let flags = Flags::from_arg_matches(&command.try_get_matches_from(words).unwrap()).unwrap();
        Value::Object(flags.pipeline())
    }

    #[test]
    fn every_flag_has_a_key_with_a_description() {
        let schema = spec::schema();
        for flag in FLAGS {
            assert!(description(&schema, flag.key).is_some_and(|text| text.len() > 10), "--{} sets {}", flag.long, flag.key);
        }
    }

    /// As people type them.
    #[test]
    fn flags_become_keys() {
        let vcf = |key: &str, value: Value| json!({"source": {"vcf": {key: value}}});
        assert_eq!(typed(&[]), json!({}));
        assert_eq!(typed(&["--profile", "open"]), json!({"profile": "open"}));
        assert_eq!(typed(&["-r", "chr1,chrX:1-10", "-r", "chr2"]), vcf("regions", json!(["chr1", "chrX:1-10", "chr2"])));
        assert_eq!(typed(&["-r", "1:1,000-2,000,000,X"]), vcf("regions", json!(["1:1,000-2,000,000", "X"])));
        assert_eq!(typed(&["--regions-overlap", "0"]), vcf("regions_overlap", json!(0)));
        assert_eq!(typed(&["--regions-overlap=variant"]), vcf("regions_overlap", json!("variant")));
        assert_eq!(typed(&["--info", "AC,AF"]), vcf("info", json!(["AC", "AF"])));
        assert_eq!(typed(&["--info", "AC"]), vcf("info", json!(["AC"])));
        assert_eq!(typed(&["--info=none"]), vcf("info", json!("none")));
        assert_eq!(typed(&["--csq"]), vcf("csq", json!(true)));
        assert_eq!(typed(&["--csq=vep"]), vcf("csq", json!("vep")));
        assert_eq!(typed(&["-s", "^NA1,NA2"]), vcf("samples", json!(["^NA1", "NA2"])));
        assert_eq!(typed(&["-S", "^names.txt"]), vcf("samples_file", json!("^names.txt")));
        assert_eq!(typed(&["--max-bad-records", "3"]), vcf("max_bad_records", json!(3)));
        assert_eq!(typed(&["-f", "GRCh38.fa"]), vcf("reference", json!("GRCh38.fa")));
    }
}
