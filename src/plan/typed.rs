//! Words that a person types into a pipeline: its name, names of keys and databases, texts in expressions. They stand in reports, in
//! the list of loads, in the audit trail and in rows, in the clear. It must not know what they are for.

use crate::flow::Step;
use crate::phi::Words;
use crate::phi::words::Flaw;
use crate::sensitive::Severity;
use crate::spec::{Mistake, Spec};

/// A date in one is a date that rows are compared with; what is graver stays.
const EXPRESSION: &str = "a text in an expression";

/// A mistake for every word in which somebody may be named.
pub(super) fn mistakes(spec: &Spec, steps: &[Option<Step>], words: &Words) -> Vec<Mistake> {
    let pipeline = &spec.pipeline;
    let mut typed: Vec<(Vec<String>, &str, String)> = vec![(vec!["name".into()], "`name`", pipeline.name.clone())];
    let databases =
        pipeline.databases.keys().map(|name| (vec!["databases".into(), name.clone()], "the name of a database", name.clone()));
    typed.extend(databases);
    typed.extend(pipeline.keys.keys().map(|name| (vec!["keys".into(), name.clone()], "the name of a key", name.clone())));
    for (i, step) in steps.iter().enumerate() {
        if let Some(Step::Expression(expression)) = step {
            let place = vec!["stages".into(), i.to_string()];
            typed.extend(expression.typed().into_iter().map(|text| (place.clone(), EXPRESSION, text)));
        }
    }
    let mistake = |(place, what, text): (Vec<String>, &str, String)| {
        let graver = |flaw: &Flaw| what != EXPRESSION || flaw.pattern().severity >= Severity::High;
        let apart = || text.split(|c: char| !c.is_ascii_alphanumeric()).find_map(|piece| words.flaw(piece).filter(graver));
        let flaw = words.flaw(&text).filter(graver).or_else(apart)?;
        let place: Vec<&str> = place.iter().map(String::as_str).collect();
        let message = format!("{what} may name a person ({}), and it is kept in the clear", flaw.pattern().id);
        Some(Mistake::new(spec.place(&place), message).hint("take a word that names nobody, such as `nightly` or `cohort-7`"))
    };
    typed.into_iter().filter_map(mistake).collect()
}
