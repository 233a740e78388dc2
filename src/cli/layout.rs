//! Text laid out for a terminal of a width: lines broken between words, tables, words of state in colour. It must not print.

/// A column of a table: its name, and whether its cells stand to the right.
#[derive(Clone, Copy, Debug)]
pub struct Heading {
    name: &'static str,
    right: bool,
}

/// A column of words.
pub const fn left(name: &'static str) -> Heading {
    Heading { name, right: false }
}

/// A column of numbers.
pub const fn right(name: &'static str) -> Heading {
    Heading { name, right: true }
}

/// The lines of a table; where they are wider than `width`, one block a row instead, whose lines are `name  cell`.
pub fn table<const N: usize>(header: &[Heading; N], rows: &[[String; N]], width: Option<usize>) -> Vec<String> {
    let length = |text: &str| text.chars().count();
    let mut widths = header.map(|heading| length(heading.name));
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(length(cell));
        }
    }
    let line = |cells: [&str; N]| {
        let padded = cells.iter().zip(&widths).zip(header).map(|((cell, &width), heading)| match heading.right {
            true => format!("{cell:>width$}"),
            false => format!("{cell:<width$}"),
        });
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let names = header.map(|heading| heading.name);
    let mut lines = vec![line(names)];
    lines.extend(rows.iter().map(|row| line(row.each_ref().map(String::as_str))));
    if width.is_none_or(|width| lines.iter().all(|line| length(line) <= width)) {
        return lines;
    }
    let longest = names.iter().map(|name| length(name)).max().unwrap_or(0);
    let block = |row: &[String; N]| {
        let cells = names.iter().zip(row).filter(|(_, cell)| !cell.is_empty());
        cells.map(|(name, cell)| format!("{name:<longest$}  {cell}")).chain([String::new()]).collect::<Vec<_>>()
    };
    let mut lines: Vec<String> = rows.iter().flat_map(block).collect();
    lines.pop();
    lines
}

/// The text with its lines broken between words where they are longer than `width`; what goes on stands under the last column of the
/// line, or a little to the right. A word longer than a line stays whole.
pub fn wrapped(text: &str, width: usize) -> String {
    text.split('\n').map(|line| wrapped_line(line, width)).collect::<Vec<_>>().join("\n")
}

fn wrapped_line(line: &str, width: usize) -> String {
    if line.chars().count() <= width {
        return line.to_owned();
    }
    let margin = hanging(line, width);
    let start = line.len() - line.trim_start().len();
    let (mut out, mut used) = (String::from(&line[..start]), start);
    let mut first = true;
    // Runs of blanks inside a line belong to its columns.
    for piece in line[start..].split_inclusive(' ') {
        let word = piece.trim_end();
        if !first && !word.is_empty() && used + word.chars().count() > width {
            out.truncate(out.trim_end().len());
            out.push('\n');
            out.push_str(&" ".repeat(margin));
            used = margin;
        }
        out.push_str(piece);
        used += piece.chars().count();
        first = false;
    }
    out.truncate(out.trim_end().len());
    out
}

/// Where the last of the columns begins that two blanks or more part, if that leaves half of the width.
fn hanging(line: &str, width: usize) -> usize {
    let start = line.len() - line.trim_start().len();
    let column = |at: usize| {
        let behind = &line[at..];
        line[..at].chars().count() + behind.len() - behind.trim_start().len()
    };
    let columns = line.match_indices("  ").map(|(at, _)| at).filter(|&at| at > start).map(column);
    columns.filter(|&column| column <= width / 2).max().unwrap_or(start + 2)
}

/// Words that say how something is, at the beginning of a line: good ones and bad ones.
const GOOD: [&str; 2] = ["ok", "held"];
const BAD: [&str; 3] = ["LACK", "BROKEN", "error:"];

/// The text with the words of state that its lines begin with in green or red.
pub fn coloured(text: &str) -> String {
    let line = |line: &str| {
        let word = line.split(' ').next().unwrap_or_default();
        let colour = match word {
            good if GOOD.contains(&good) => 32,
            bad if BAD.contains(&bad) => 31,
            _ => return line.to_owned(),
        };
        format!("\u{1b}[1;{colour}m{word}\u{1b}[0m{}", &line[word.len()..])
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_is_too_wide_becomes_blocks() {
        let header = [left("load"), right("rows"), left("")];
        let rows = [["a".into(), "12".into(), String::new()], ["bcd".into(), "7".into(), "(x)".into()]];
        assert_eq!(table(&header, &rows, None), ["load  rows", "a       12", "bcd      7  (x)"]);
        assert_eq!(table(&header, &rows, Some(15)), table(&header, &rows, None));
        assert_eq!(table(&header, &rows, Some(14)), ["load  a", "rows  12", "", "load  bcd", "rows  7", "      (x)"]);
    }

    #[test]
    fn no_word_is_broken() {
        let text = "LACK  managed database  PostgreSQL 15 is not running at all\nshort";
        let lines = wrapped(text, 50);
        assert_eq!(lines, "LACK  managed database  PostgreSQL 15 is not\n                        running at all\nshort");
        assert_eq!(wrapped("error: a longer line of words", 16), "error: a longer\n  line of words");
        assert_eq!(wrapped("  x 0123456789abcdef y", 10), "  x\n    0123456789abcdef\n    y");
        for width in 8..70 {
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            assert_eq!(words(&wrapped(text, width)), words(text));
        }
    }

    #[test]
    fn only_words_of_state_have_a_colour() {
        assert_eq!(coloured("ok    x\nokay"), "\u{1b}[1;32mok\u{1b}[0m    x\nokay");
        assert_eq!(coloured("error: x"), "\u{1b}[1;31merror:\u{1b}[0m x");
    }
}
