//! Which file imports which, read from the text of the files, and the circles among them. It must not know what a room may import.

use std::collections::{BTreeMap, BTreeSet};

/// The production text of each module, by its path: `flow::units`, `flow` for `flow/mod.rs`.
pub struct Files(BTreeMap<String, String>);

/// The imports of each module, by path.
type Graph = BTreeMap<String, BTreeSet<String>>;

impl Files {
    pub fn new(files: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(files.into_iter().collect())
    }

    /// Groups of files that reach each other by imports. A `mod.rs` that hands on what its children hold (`pub use`) imports
    /// nothing by that: who uses the name imports the child.
    pub fn circles(&self) -> Vec<Vec<String>> {
        let graph: Graph = self.0.keys().map(|module| (module.clone(), self.imports(module))).collect();
        let reach: BTreeMap<&str, BTreeSet<&str>> = graph.keys().map(|from| (from.as_str(), reachable(&graph, from))).collect();
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut circles = Vec::new();
        for module in graph.keys().map(String::as_str) {
            if reach[module].contains(module) && !seen.contains(module) {
                let circle: Vec<String> = reach[module]
                    .iter()
                    .filter(|other| reach[*other].contains(module))
                    .map(|other| (*other).to_owned())
                    .collect();
                seen.extend(reach[module].iter().filter(|other| reach[*other].contains(module)));
                circles.push(circle);
            }
        }
        circles
    }

    fn imports(&self, module: &str) -> BTreeSet<String> {
        let (_, used, rest) = uses(&self.0[module]);
        let inline = rest.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).filter(|word| word.contains("::"));
        let paths = used.iter().map(String::as_str).chain(inline);
        paths.filter_map(|path| self.resolve(module, path, 0)).filter(|found| found != module).collect()
    }

    /// The module a path leads to, through what others hand on.
    fn resolve(&self, module: &str, path: &str, depth: usize) -> Option<String> {
        let mut parts: Vec<&str> = path.split("::").filter(|part| !part.is_empty()).collect();
        let mut base: Vec<&str> = module.split("::").filter(|part| *part != "lib" && *part != "main").collect();
        match *parts.first()? {
            "crate" => {
                base.clear();
                parts.remove(0);
            }
            "self" => drop(parts.remove(0)),
            "super" => {
                while parts.first() == Some(&"super") {
                    base.pop();
                    parts.remove(0);
                }
            }
            first if self.0.contains_key(&[&base[..], &[first]].concat().join("::")) => {}
            _ => return None,
        }
        base.extend(parts);
        let known = (1..=base.len()).rev().find(|&end| self.0.contains_key(&base[..end].join("::")))?;
        let found = base[..known].join("::");
        if let Some(name) = base.get(known).filter(|_| depth < 8) {
            let (handed_on, ..) = uses(&self.0[&found]);
            let by = handed_on.iter().find(|path| path.rsplit("::").next() == Some(name));
            if let Some(further) = by.and_then(|path| self.resolve(&found, path, depth + 1)) {
                return Some(further);
            }
        }
        Some(found)
    }
}

fn reachable<'a>(graph: &'a Graph, from: &str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&str> = graph[from].iter().map(String::as_str).collect();
    while let Some(module) = open.pop() {
        if found.insert(module) {
            open.extend(graph.get(module).into_iter().flatten().map(String::as_str));
        }
    }
    found
}

/// Paths of `pub use`, paths of `use`, and the text without either.
fn uses(text: &str) -> (Vec<String>, Vec<String>, String) {
    let (mut handed_on, mut used, mut rest) = (Vec::new(), Vec::new(), String::new());
    let mut open: Option<(bool, String)> = None;
    for line in text.lines() {
        let word = line.trim_start();
        if open.is_none() {
            let public = word
                .strip_prefix("pub use ")
                .or_else(|| word.split_once(") use ").filter(|(p, _)| p.starts_with("pub(")).map(|(_, p)| p));
            match public.map(|path| (true, path)).or_else(|| word.strip_prefix("use ").map(|path| (false, path))) {
                Some((public, path)) => open = Some((public, path.to_owned())),
                None => {
                    rest.push_str(line);
                    rest.push('\n');
                    continue;
                }
            }
        } else if let Some((_, path)) = &mut open {
            path.push_str(word);
        }
        if let Some((public, path)) = open.take_if(|(_, path)| path.ends_with(';')) {
            expand("", path.trim_end_matches(';'), if public { &mut handed_on } else { &mut used });
        }
    }
    (handed_on, used, rest)
}

/// Writes a tree of imports out as paths.
fn expand(before: &str, tree: &str, paths: &mut Vec<String>) {
    let Some((head, inner)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or(tree).trim();
        paths.push(format!("{before}{path}"));
        return;
    };
    let inner = &inner[..inner.rfind('}').unwrap_or(inner.len())];
    let (mut depth, mut from) = (0, 0);
    let before = format!("{before}{}", head.trim());
    for (at, c) in inner.char_indices().chain([(inner.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                if !inner[from..at].trim().is_empty() {
                    expand(&before, inner[from..at].trim(), paths);
                }
                from = at + 1;
            }
            _ => {}
        }
    }
}

#[test]
fn a_circle_is_found_however_it_is_written() {
    let circles = |files: &[(&str, &str)]| {
        Files::new(files.iter().map(|(module, text)| ((*module).to_owned(), (*text).to_owned()))).circles()
    };
    let room = "mod one;\nmod two;\npub use one::One;\n";
    assert!(circles(&[("a", room), ("a::one", "struct One;"), ("a::two", "use super::One;")]).is_empty());
    for two_in_one in
        ["use super::two::Two;", "use crate::a::{\n    two::Two,\n};", "fn f() -> super::two::Two {}", "use super::Two;"]
    {
        let room = format!("{room}pub(crate) use two::Two;\n");
        let found = circles(&[("a", &room), ("a::one", two_in_one), ("a::two", "use super::{One, other::Thing};")]);
        assert_eq!(found, [["a::one", "a::two"]], "{two_in_one}");
    }
    // What a `mod.rs` holds itself and its child uses, while it uses the child.
    let found = circles(&[("a", "mod one;\nuse one::One;\npub struct All(One);"), ("a::one", "use super::All;")]);
    assert_eq!(found, [["a", "a::one"]]);
}
