//! A BCF writer for tests, made from the specification and not from the reader: VCF text in, uncompressed BCF out. It must
//! not be built outside tests.

use std::collections::HashMap;

/// How to write what can be written in several ways.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Style {
    /// Number the dictionary backwards, with IDX.
    pub idx: bool,
    /// Integers of 32 bits only.
    pub wide: bool,
    /// Flags as the integer 1.
    pub flag_as_one: bool,
    /// BCF 2.1: missing values instead of the end-of-vector code, lists of strings with a comma in front.
    pub legacy: bool,
}

struct Writer {
    style: Style,
    strings: HashMap<String, i32>,
    contigs: Vec<String>,
    /// Type by `INFO/ID` and `FORMAT/ID`.
    kinds: HashMap<String, String>,
}

/// `text` (VCF with its header) as BCF. Every name must be declared.
pub(crate) fn encode(text: &str, style: Style) -> Vec<u8> {
    let lines: Vec<&str> = text.lines().collect();
    let head = lines.iter().take_while(|line| line.starts_with('#'));
    let attribute = |line: &str, name: &str| {
        let (_, rest) = line.split_once(&format!("{name}="))?;
        Some(rest.split([',', '>']).next().unwrap().to_owned())
    };
    let mut writer = Writer { style, strings: [("PASS".to_owned(), 0)].into(), contigs: Vec::new(), kinds: HashMap::new() };
    let mut order = Vec::new();
    for line in head.clone() {
        let Some((key, _)) = line.trim_start_matches('#').split_once("=<") else { continue };
        let id = attribute(line, "ID").unwrap();
        match key {
            "contig" => writer.contigs.push(id),
            "INFO" | "FORMAT" | "FILTER" => {
                if id != "PASS" && !order.contains(&id) {
                    order.push(id.clone());
                }
                if let Some(kind) = attribute(line, "Type") {
                    writer.kinds.insert(format!("{key}/{id}"), kind);
                }
            }
            _ => {}
        }
    }
    let count = order.len();
    let number = |i: usize| (if style.idx { count - i } else { i + 1 }) as i32;
    writer.strings.extend(order.into_iter().enumerate().map(|(i, id)| (id, number(i))));
    let mut header = String::new();
    for line in head {
        let id = attribute(line, "ID").unwrap_or_default();
        match line.trim_start_matches('#').split_once("=<") {
            Some(("INFO" | "FORMAT" | "FILTER", _)) if style.idx => {
                header.push_str(&format!("{},IDX={}>\n", line.strip_suffix('>').unwrap(), writer.strings[&id]));
            }
            _ => header.push_str(&format!("{line}\n")),
        }
    }
    header.push('\0');
    let mut out = vec![b'B', b'C', b'F', 2, if style.legacy { 1 } else { 2 }];
    out.extend((header.len() as u32).to_le_bytes());
    out.extend(header.as_bytes());
    for line in lines.iter().filter(|line| !line.starts_with('#')) {
        out.extend(writer.record(line));
    }
    out
}

fn descriptor(count: usize, kind: u8, out: &mut Vec<u8>) {
    if count < 15 {
        out.push((count as u8) << 4 | kind);
    } else {
        out.push(0xf0 | kind);
        out.push(0x13);
        out.extend((count as i32).to_le_bytes());
    }
}

fn string(text: &str, out: &mut Vec<u8>) {
    descriptor(text.len(), 7, out);
    out.extend(text.as_bytes());
}

#[derive(Clone, Copy, PartialEq)]
enum Int {
    Value(i32),
    Missing,
    End,
}

impl Writer {
    fn record(&self, line: &str) -> Vec<u8> {
        let columns: Vec<&str> = line.split('\t').collect();
        let alleles: Vec<&str> = [columns[3]].into_iter().chain(columns[4].split(',').filter(|alt| *alt != ".")).collect();
        let infos: Vec<&str> = columns[7].split(';').filter(|entry| *entry != ".").collect();
        let named = columns.get(8).filter(|keys| **keys != ".");
        let formats: Vec<&str> = named.map(|keys| keys.split(':').collect()).unwrap_or_default();
        let samples: Vec<Vec<&str>> = columns.iter().skip(9).map(|call| call.split(':').collect()).collect();
        let contig = self.contigs.iter().position(|contig| contig == columns[0]).unwrap() as i32;
        let mut shared = contig.to_le_bytes().to_vec();
        shared.extend((columns[1].parse::<i32>().unwrap() - 1).to_le_bytes());
        shared.extend((columns[3].len() as i32).to_le_bytes());
        shared
            .extend(if columns[5] == "." { 0x7f80_0001u32 } else { columns[5].parse::<f32>().unwrap().to_bits() }.to_le_bytes());
        shared.extend((infos.len() as u16).to_le_bytes());
        shared.extend((alleles.len() as u16).to_le_bytes());
        shared.extend((samples.len() as u32 | (formats.len() as u32) << 24).to_le_bytes());
        string(if columns[2] == "." { "" } else { columns[2] }, &mut shared);
        alleles.iter().for_each(|allele| string(allele, &mut shared));
        let filters: Vec<Int> =
            columns[6].split(';').filter(|name| *name != ".").map(|name| Int::Value(self.strings[name])).collect();
        self.ints(&[filters], &mut shared);
        for entry in infos {
            let (key, value) = entry.split_once('=').map_or((entry, None), |(key, value)| (key, Some(value)));
            self.key(key, &mut shared);
            match value {
                None if self.style.flag_as_one => shared.extend([0x11, 1]),
                None => shared.push(0),
                Some(value) => self.values(&self.kinds[&format!("INFO/{key}")], &[value], &mut shared),
            }
        }
        let mut individual = Vec::new();
        for (nth, key) in formats.iter().enumerate() {
            self.key(key, &mut individual);
            let values: Vec<&str> = samples.iter().map(|call| call.get(nth).copied().unwrap_or(".")).collect();
            if *key == "GT" {
                let calls: Vec<Vec<Int>> = values.iter().map(|value| genotype(value)).collect();
                self.ints(&calls, &mut individual);
            } else {
                self.values(&self.kinds[&format!("FORMAT/{key}")], &values, &mut individual);
            }
        }
        let lengths = [(shared.len() as u32).to_le_bytes(), (individual.len() as u32).to_le_bytes()].concat();
        [lengths, shared, individual].concat()
    }

    fn key(&self, key: &str, out: &mut Vec<u8>) {
        out.push(0x13);
        out.extend(self.strings[key].to_le_bytes());
    }

    /// One value (INFO), or one a sample (FORMAT), by declared type; as text where one does not parse.
    fn values(&self, kind: &str, values: &[&str], out: &mut Vec<u8>) {
        match kind {
            "Integer" => {
                let parse = |item: &str| if item == "." { Some(Int::Missing) } else { item.parse().ok().map(Int::Value) };
                let lists: Option<Vec<Vec<Int>>> = values.iter().map(|list| list.split(',').map(parse).collect()).collect();
                if let Some(lists) = lists {
                    return self.ints(&lists, out);
                }
            }
            "Float" => {
                let parse = |item: &str| if item == "." { Some(0x7f80_0001) } else { item.parse::<f32>().ok().map(f32::to_bits) };
                let lists: Option<Vec<Vec<u32>>> = values.iter().map(|list| list.split(',').map(parse).collect()).collect();
                if let Some(mut lists) = lists {
                    let longest = lists.iter().map(Vec::len).max().unwrap_or(0);
                    let fill = if self.style.legacy { 0x7f80_0001 } else { 0x7f80_0002 };
                    lists.iter_mut().for_each(|list| list.resize(longest, fill));
                    descriptor(longest, 5, out);
                    lists.iter().flatten().for_each(|bits| out.extend(bits.to_le_bytes()));
                    return;
                }
            }
            _ => {}
        }
        let comma = |text: &&str| if self.style.legacy && text.contains(',') { format!(",{text}") } else { (*text).to_owned() };
        let texts: Vec<String> = values.iter().map(comma).collect();
        let longest = texts.iter().map(String::len).max().unwrap_or(0);
        descriptor(longest, 7, out);
        for text in texts {
            out.extend(text.as_bytes());
            out.extend(vec![0; longest - text.len()]);
        }
    }

    /// Vectors of one length. Of one width: the least that takes all.
    fn ints(&self, lists: &[Vec<Int>], out: &mut Vec<u8>) {
        let longest = lists.iter().map(Vec::len).max().unwrap_or(0);
        let all = || lists.iter().flatten().filter_map(|int| if let Int::Value(value) = int { Some(*value) } else { None });
        let fits = |least: i32, most: i32| !self.style.wide && all().all(|value| value >= least + 8 && value <= most);
        let kind = match () {
            () if fits(i8::MIN.into(), i8::MAX.into()) => 1,
            () if fits(i16::MIN.into(), i16::MAX.into()) => 2,
            () => 3,
        };
        descriptor(longest, kind, out);
        for list in lists {
            let fill = if self.style.legacy { Int::Missing } else { Int::End };
            for int in list.iter().copied().chain(std::iter::repeat(fill)).take(longest) {
                let least = [i32::from(i8::MIN), i16::MIN.into(), i32::MIN][usize::from(kind) - 1];
                let value = match int {
                    Int::Value(value) => value,
                    Int::Missing => least,
                    Int::End => least + 1,
                };
                out.extend(&value.to_le_bytes()[..[1, 2, 4][usize::from(kind) - 1]]);
            }
        }
    }
}

/// Alleles with the phase in the lowest bit; the first bears the written leading phase, else the implied one.
fn genotype(text: &str) -> Vec<Int> {
    let (lead, body) = match text.as_bytes() {
        [b'/' | b'|', ..] => (Some(text.starts_with('|')), &text[1..]),
        _ => (None, text),
    };
    let signs: Vec<bool> = body.chars().filter(|c| "/|".contains(*c)).map(|c| c == '|').collect();
    let first = lead.unwrap_or(!signs.contains(&false));
    let phases = std::iter::once(first).chain(signs);
    let alleles = body.split(['/', '|']).map(|allele| if allele == "." { 0 } else { allele.parse::<i32>().unwrap() + 1 });
    alleles.zip(phases).map(|(allele, phased)| Int::Value(allele << 1 | i32::from(phased))).collect()
}
