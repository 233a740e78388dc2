//! Rules as a policy file writes them, and their way to compiled ones. It must not know columns.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::rule::{Atom, Rule, Subfields, anchored};
use super::symbols::{Own, Symbols};

/// One rule as written.
#[derive(Clone, Debug, Default, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleSpec {
    /// The value is cut at any of these characters, and each piece must fit.
    #[serde(default)]
    separators: String,
    /// Words that fit, exactly as written.
    #[serde(default)]
    vocabulary: BTreeSet<String>,
    /// A regular expression for the entire piece; ASCII only.
    grammar: Option<String>,
    /// Rules of which one must fit the piece.
    #[serde(default)]
    any_of: BTreeSet<String>,
    /// An annotation of named sub-fields.
    subfields: Option<SubfieldsSpec>,
    /// A check that needs more than the value's text.
    builtin: Option<Builtin>,
}

/// An annotation such as CSQ as written.
#[derive(Clone, Debug, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
struct SubfieldsSpec {
    /// What stands between sub-fields.
    separator: char,
    /// The value stands in parentheses.
    #[serde(default)]
    parenthesized: bool,
    /// Names in order, used when the header's Description does not list them.
    #[serde(default)]
    order: Vec<String>,
    /// The rule of each sub-field.
    rules: BTreeMap<String, RuleRef>,
    /// The rule of sub-fields that are not listed.
    otherwise: RuleRef,
}

/// Checks that need more than a value's text.
#[derive(Clone, Copy, Debug, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
enum Builtin {
    /// `PASS`, or a filter that the header declares and that looks like a name.
    Filters,
    /// A genotype: allele numbers or `.`, between `/` or `|`.
    Genotype,
    /// A gene's symbol: one that a list approves, or where an accession stands in the same entry one of this grammar.
    Symbols,
}

/// A rule's name or the rule itself.
#[derive(Clone, Debug, serde::Deserialize, serde::Serialize)]
#[serde(untagged)]
pub(super) enum RuleRef {
    Name(String),
    Inline(Box<RuleSpec>),
}

/// All named rules of a policy, compiled when first asked for.
pub(super) struct Rules {
    specs: BTreeMap<String, RuleSpec>,
    compiled: RefCell<HashMap<String, Arc<Rule>>>,
    symbols: Arc<Own>,
}

/// Deeper references than this are taken for a circle.
const DEPTH: usize = 8;

const NOT_ASCII: &str = "a separator is an ASCII character";

fn ascii(separators: &str) -> Result<Vec<u8>, String> {
    if separators.is_ascii() { Ok(separators.bytes().collect()) } else { Err(NOT_ASCII.into()) }
}

impl Rules {
    pub(super) fn new(specs: BTreeMap<String, RuleSpec>, symbols: Arc<Own>) -> Self {
        Self { specs, compiled: RefCell::default(), symbols }
    }

    /// Adds the mistakes of rules that nobody may refer to.
    pub(super) fn check_all(&self, mistakes: &mut Vec<String>) {
        for name in self.specs.keys() {
            if let Err(mistake) = self.named(name, 0) {
                mistakes.push(format!("rules.{name}: {mistake}"));
            }
        }
    }

    /// The compiled rule.
    pub(super) fn resolve(&self, reference: &RuleRef) -> Result<Arc<Rule>, String> {
        self.at_depth(reference, 0)
    }

    fn at_depth(&self, reference: &RuleRef, depth: usize) -> Result<Arc<Rule>, String> {
        match reference {
            RuleRef::Name(name) => self.named(name, depth),
            RuleRef::Inline(spec) => self.compile(spec, depth).map(Arc::new),
        }
    }

    fn named(&self, name: &str, depth: usize) -> Result<Arc<Rule>, String> {
        if let Some(rule) = self.compiled.borrow().get(name) {
            return Ok(rule.clone());
        }
        if depth > DEPTH {
            return Err(format!("the rule {name} refers to itself"));
        }
        let spec = self.specs.get(name).ok_or_else(|| format!("there is no rule {name}"))?;
        let rule = Arc::new(self.compile(spec, depth + 1)?);
        self.compiled.borrow_mut().insert(name.to_owned(), rule.clone());
        Ok(rule)
    }

    fn compile(&self, spec: &RuleSpec, depth: usize) -> Result<Rule, String> {
        if let (Some(Builtin::Symbols), Some(grammar), None) = (spec.builtin, &spec.grammar, &spec.subfields) {
            let symbols = Atom::Symbols(Symbols { own: self.symbols.clone(), form: anchored(grammar)? });
            return Ok(Rule::pieces(ascii(&spec.separators)?, vec![symbols]));
        }
        let mut atoms = Vec::new();
        if !spec.vocabulary.is_empty() {
            atoms.push(Atom::Words(spec.vocabulary.iter().cloned().collect()));
        }
        if let Some(grammar) = &spec.grammar {
            atoms.push(Atom::Grammar(anchored(grammar)?));
        }
        for name in &spec.any_of {
            atoms.push(Atom::Rule(self.named(name, depth)?));
        }
        match (&spec.subfields, spec.builtin, atoms.is_empty()) {
            (None, None, false) => Ok(Rule::pieces(ascii(&spec.separators)?, atoms)),
            (Some(subfields), None, true) => self.subfields(subfields, depth),
            (None, Some(Builtin::Filters), true) => Ok(Rule::Filters { separators: ascii(&spec.separators)? }),
            (None, Some(Builtin::Genotype), true) => Ok(Rule::Genotype),
            (None, Some(Builtin::Symbols), _) => Err("symbols need the grammar of a symbol".into()),
            (None, None, true) => Err("a rule needs vocabulary, grammar, any_of, subfields or builtin".into()),
            _ => Err("subfields and builtin stand alone".into()),
        }
    }

    fn subfields(&self, spec: &SubfieldsSpec, depth: usize) -> Result<Rule, String> {
        let rules = spec.rules.iter().map(|(name, reference)| Ok((name.clone(), self.at_depth(reference, depth)?)));
        let rules = rules.collect::<Result<BTreeMap<_, _>, String>>()?;
        let nested = |rule: &Arc<Rule>| !matches!(rule.as_ref(), Rule::Pieces(_));
        let otherwise = self.at_depth(&spec.otherwise, depth)?;
        if rules.values().any(nested) || nested(&otherwise) {
            return Err("a sub-field's rule is a vocabulary or a grammar".into());
        }
        Ok(Rule::Subfields(Subfields {
            separator: u8::try_from(spec.separator).ok().filter(u8::is_ascii).ok_or(NOT_ASCII)?,
            parenthesized: spec.parenthesized,
            order: spec.order.clone(),
            rules,
            otherwise,
        }))
    }
}
