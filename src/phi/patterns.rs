//! The built-in patterns: what identifiers look like in text (45 CFR 164.514(b)(2)(i)) and how grave each is.
//! It must not know where text comes from.
//!
//! Patterns are defence in depth: they find what has a form. A bare surname has none, so what may hold one is removed or
//! encrypted by `sanitize` and `encrypt` whether or not a pattern matches.

use super::checks::{self, Check};
use crate::sensitive::Severity;

/// One thing that is looked for.
#[derive(Clone, Copy, Debug)]
pub struct Pattern {
    /// Name in reports, events and redacted text.
    pub id: &'static str,
    /// How grave a match is.
    pub severity: Severity,
    /// What it finds, one line.
    pub description: &'static str,
    /// The expression, of bounded length and without anchors: words are bounded by the scanner.
    pub regex: &'static str,
    /// A cheaper expression that every match of `regex` contains, without anchors.
    pub(super) trigger: &'static str,
    /// What the expression cannot say.
    pub(super) check: Option<Check>,
    /// The match may stand inside a word.
    pub(super) open: bool,
    /// Texts it must find. Invented.
    pub examples: &'static [&'static str],
}

const fn pattern(
    id: &'static str,
    severity: Severity,
    description: &'static str,
    trigger: &'static str,
    regex: &'static str,
    examples: &'static [&'static str],
) -> Pattern {
    Pattern { id, severity, description, regex, trigger, check: None, open: false, examples }
}

impl Pattern {
    /// What of it decides about rows.
    pub fn rule(&self) -> (&'static str, &'static str, &'static str) {
        (self.id, self.severity.name(), self.regex)
    }

    const fn checked(mut self, check: Check) -> Self {
        self.check = Some(check);
        self
    }

    const fn inside_words(mut self) -> Self {
        self.open = true;
        self
    }
}

/// A value equal to a sample name of the run; found by [`super::Names`], not by an expression.
pub const SAMPLE_NAME: Pattern =
    pattern("sample-name", Severity::High, "a sample name of the input, outside its column heading", "", "", &[]);

/// A common name in a key, a filter or a word that somebody typed; found by [`super::Words`].
pub const LISTED_NAME: Pattern =
    pattern("listed-name", Severity::High, "a common first name or surname in a key, a filter or a typed word", "", "", &[]);

/// Many digits in a key, a filter or a word that somebody typed; found by [`super::Words`].
pub const LONG_NUMBER: Pattern =
    pattern("long-number", Severity::High, "seven digits or more in a key, a filter or a typed word", "", "", &[]);

/// CHROM, REF or ALT that is neither a contig's name nor an allele; found by [`super::Words`].
pub const SITE_WORD: Pattern = pattern(
    "site-word",
    Severity::Critical,
    "CHROM, REF or ALT that is neither a known contig's name nor an allele",
    "",
    "",
    &[],
);

/// Everything that is looked for.
pub fn all() -> impl Iterator<Item = &'static Pattern> {
    BUILTIN.iter().chain([&SAMPLE_NAME, &LISTED_NAME, &LONG_NUMBER, &SITE_WORD])
}

use Severity::{Critical, High, Low, Medium};

/// A blank, as VCF values write it.
macro_rules! blank {
    () => {
        "(?:[ _]|%20)"
    };
}

/// A full date: ISO, numeric with a four-digit year in either order, or with the month's name.
macro_rules! date {
    () => {
        concat!(
            r"(?:(?:19|20)\d{2}[-/.]?(?:0[1-9]|1[0-2])[-/.]?(?:0[1-9]|[12]\d|3[01])",
            r"|(?:0?[1-9]|[12]\d|3[01])[-/.](?:0?[1-9]|[12]\d|3[01])[-/.](?:(?:19|20)\d{2}|\d{2})",
            r"|(?:0?[1-9]|[12]\d|3[01])[-_ .]{0,2}(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}[-_ .,]{0,2}(?:19|20)\d{2}",
            r"|(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}[-_ .]{1,2}(?:0?[1-9]|[12]\d|3[01])[-_ .,]{1,2}(?:19|20)\d{2})"
        )
    };
}

/// A word of a name: a capital, then letters.
macro_rules! name_word {
    () => {
        r"[A-Z](?:[A-Za-z]|['-][A-Z]){1,24}"
    };
}

/// A further word of a name, or an initial.
macro_rules! name_more {
    () => {
        concat!("(?:", name_word!(), r"|[A-Z]\.?)")
    };
}

/// Every built-in pattern.
#[rustfmt::skip]
pub const BUILTIN: &[Pattern] = &[
    pattern("us-ssn", Critical, "US social security number (areas and groups that are issued)",
        r"\d{3}[- _]\d{2}[- _]\d{4}|(?i:ssn|social.security(?:.(?:no|number))?)[:#=_ -]{0,3}\d{3}",
        concat!(
            r"(?:00[1-9]|0[1-9]\d|[1-57-8]\d{2}|6(?:[0-57-9]\d|6[0-57-9]))[- _](?:0[1-9]|[1-9]\d)[- _](?:000[1-9]|00[1-9]\d|0[1-9]\d{2}|[1-9]\d{3})",
            r"|(?i:ssn|social.security(?:.(?:no|number))?)[:#=_ -]{0,3}\d{3}[- _]?\d{2}[- _]?\d{4}",
        ), &["123-45-6789", "SSN: 123456789", "ssn=078_05_1120"]).checked(checks::ends_of_number),
    pattern("mrn", Critical, "medical record number behind its keyword",
        r"(?i:mrn|medical[ _-]record)(?i:[ _-]?(?:number|num|no|id)\.?)?(?:[:#=_ ./%-]|\d)|(?i:hospital|chart)[ _-](?i:num|no|id)",
        concat!(
            r"(?i:mrn|medical[ _-]record|hospital[ _-](?:number|num|no|id)|chart[ _-](?:number|num|no|id))",
            r"(?i:[ _-]?(?:number|num|no|id)\.?)?(?:(?:[:#=_ ./-]|%3[AD]|%20){1,4}[A-Za-z]{0,3}-?)?\d{5,10}",
        ), &["MRN:00123456", "MRN12345", "mrn_7654321", "MRN#H1234567", "Medical record number: 445566", "Hospital No. 998877", "mrn-id=12345678"]),
    pattern("nhs-number", Critical, "NHS number with a valid check digit, grouped or behind its keyword",
        r"\d{3} \d{3} \d{4}|(?i:nhs)(?i:[ _-]?(?:number|num|no|id)\.?)?[:#=_ -]{0,3}\d{3}",
        r"\d{3} \d{3} \d{4}|(?i:nhs)(?i:[ _-]?(?:number|num|no|id)\.?)?[:#=_ -]{0,3}\d{3}[- _]?\d{3}[- _]?\d{4}",
        &["943 476 5919", "NHS number: 9434765919", "nhs_no=943-476-5919"]).checked(checks::nhs_number),
    pattern("date-of-birth", High, "date or year of birth behind its keyword",
        r"(?i:d\.?o\.?b|birth|born).{0,32}\d",
        concat!(
            r"(?i:d\.?o\.?b|(?:date|year|day)[ _-]of[ _-]birth|birth[ _-]?(?:date|day|year)|born)(?:[ _]?(?:on|in|is))?(?:[:#=_ .-]|%3[AD]|%20){0,4}",
            "(?:", date!(), r"|(?:19|20)\d{2})",
        ), &["DOB: 1984-03-12", "dob=03/12/1984", "date_of_birth:12-Mar-1984", "born 1984", "Birthdate=19840312", "DOB March 12, 1984"]),
    pattern("email", High, "e-mail address",
        r"@[A-Za-z0-9]",
        r"[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9][A-Za-z0-9-]{0,62}\.){1,6}[A-Za-z]{2,24}",
        &["jane.roe@example.org", "j_roe+lab@mail.hospital.example.com"]),
    pattern("phone-us", High, "telephone number of the North American plan",
        r"\d{3}(?:\)[ _]?|[-. ])\d{3}[-. ]\d{4}",
        r"(?:\+?1[-. _]?)?(?:\([2-9]\d{2}\)[ _]?|[2-9]\d{2}[-. ])\d{3}[-. ]\d{4}",
        &["(555) 123-4567", "555-123-4567", "+1 555.123.4567", "1-617-555-0188"]).checked(checks::ends_of_number),
    pattern("phone-international", High, "telephone number with a country code (ITU-T E.164)",
        r"\+[1-9](?:[ .()_/-]{0,2}\d){7}",
        r"\+[1-9](?:[ .()_/-]{0,2}\d){7,14}",
        &["+44 20 7946 0958", "+4915112345678", "+33 (0)1 23 45 67 89"]).checked(checks::international),
    pattern("phone-keyword", High, "telephone number behind its keyword",
        r"(?i:tel|phone|mobile|fax|pager)(?i:[ _-]?(?:number|num|no)\.?)?(?:[:#=_ .-]|%3[AD]|%20){0,4}\+?\(?\d",
        r"(?i:tel|telephone|phone|mobile|fax|pager)(?i:[ _-]?(?:number|num|no)\.?)?(?:[:#=_ .-]|%3[AD]|%20){0,4}\+?\(?\d(?:[ ().-]{0,2}\d){6,14}",
        &["tel: 5551234", "Phone=020 7946 0958", "fax_no:5551234567"]).checked(checks::seven_digits),
    pattern("person-name", High, "a person's name behind a marker such as `Patient:` or a title",
        r"(?i:name|patient|proband|subject|mother|father|sister|brother|physician|clinician|doctor|relative).{0,9}[A-Z]|(?i:pt)(?:[:=]|%3[AD])|(?:Mrs?|Ms|Miss|Dr|Prof)\.?(?:[ _]|%20)",
        concat!(
            // Patient: Jane Roe; patient name=ROE; last_name:Roe
            r"(?i:(?:patient|proband|subject|mother|father|physician|clinician|doctor|relative|pt)(?:'s)?[ _.-]?name|(?:full|last|first|sur|family|given|maiden)[ _-]?name)(?:[:=_ ]|%3[AD]|%20){1,3}", name_word!(),
            "(?:,?", blank!(), name_more!(), "){0,3}",
            r"|(?i:patient|proband|subject|mother|father|physician|clinician|doctor|relative|pt|name)(?:[:=]|%3[AD])(?:[ _]|%20){0,2}", name_word!(),
            "(?:(?:,", blank!(), "?|", blank!(), ")", name_more!(), "){1,3}",
            r"|(?i:patient|proband|mother|father|sister|brother)(?:(?:[ _]|%20)(?:is|was))?", blank!(), name_word!(), "(?:,?", blank!(), name_more!(), "){1,3}",
            // Dr. Roe
            r"|(?:Mrs?|Ms|Miss|Dr|Prof)\.?", blank!(), r"[A-Z][a-z]{2,24}(?:", blank!(), r"[A-Z][a-z]{1,24})?",
        ), &["Name: Jane Roe", "Patient:Jane_Roe", "PATIENT=ROE, JANE", "patient_name=Roe", "Last name: O'Hara", "Dr. Roe", "Mrs_Jane_Roe", "Patient Jane Q Roe", "mother is Jane Roe", "Patient%3AJane%20Roe"]),
    pattern("street-address", High, "house number, street and kind of street",
        r"\d(?:[ _]|%20)(?:[NSEW](?:[ _]|%20))?[A-Z][a-z]",
        concat!(r"\d{1,5}", blank!(), "(?:[NSEW]", blank!(), ")?(?:[A-Z][a-z]{1,20}", blank!(), "){1,3}",
            "(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Court|Way|Place|Square|Terrace)"),
        &["12 Main Street", "4501 N Oak Hill Ave", "7_Elm_Road"]),
    pattern("url-credentials", High, "URL with a user's name or password in it",
        r"://[^/@ ]{1,130}@",
        r"[A-Za-z][A-Za-z0-9+.-]{1,15}://[^\s/@:]{1,64}(?::[^\s/@]{0,64})?@",
        &["https://jroe:hunter2@files.example.org", "sftp://jroe@host"]).inside_words(),
    pattern("medical-accession", High, "accession number of a laboratory or a specimen behind its keyword",
        r"(?i:accession|specimen|surgical|pathology|lab|case|order)(?i:[ _-]?(?:number|num|no|id)\.?)?(?:[:#=_ ]|%3[AD]|%20){1,3}[A-Z]{0,3}[- ]?\d",
        concat!(
            r"(?i:accession|specimen|surgical|pathology|lab|case|order)(?i:[ _-]?(?:number|num|no|id)\.?)?(?:[:#=_ ]|%3[AD]|%20){1,3}",
            r"(?:[A-Z]{1,3}[- ]?\d{2}[- ]\d{3,8}|[A-Z]\d{2}-\d{3,8})",
            r"|(?i:accession|specimen)(?i:[ _-]?(?:number|num|no|id)\.?)?(?:[:#=]|%3[AD])(?:[ _]|%20){0,2}\d{6,10}",
        ), &["accession: S21-12345", "Specimen ID=SP-21-004512", "accession number: 20210045"]),
    pattern("identity-document", High, "passport, licence, insurance or account number behind its keyword",
        r"(?i:passport|licen[cs]e|insurance|policy|account|beneficiary|medicare|medicaid).{0,16}\d",
        concat!(
            r"(?i:passport|driv(?:er|er'?s|ing)[ _-]?licen[cs]e|insurance|policy|account|beneficiary|medicare|medicaid)(?i:[ _-]?(?:number|num|no|id)\.?)?",
            r"(?:[:#=_ .-]|%3[AD]|%20){1,4}[A-Z]{0,3}\d{6,12}[A-Z]?",
        ), &["passport: X1234567", "Driver license no. D12345678", "insurance_id=123456789"]),
    pattern("date-iso", Medium, "full date, year first",
        r"(?:19|20)\d{2}[-/](?:0[1-9]|1[0-2])[-/]\d{2}",
        r"(?:19|20)\d{2}(?:-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])|/(?:0[1-9]|1[0-2])/(?:0[1-9]|[12]\d|3[01]))(?:T\d{2})?",
        &["1984-03-12", "2024/10/22"]).checked(checks::ends_of_number),
    pattern("date-numeric", Medium, "full date, day or month first, four-digit year",
        r"\d[-/.]\d{1,2}[-/.](?:19|20)\d{2}",
        r"(?:0?[1-9]|[12]\d|3[01])(?:/(?:0?[1-9]|[12]\d|3[01])/|-(?:0?[1-9]|[12]\d|3[01])-|\.(?:0?[1-9]|[12]\d|3[01])\.)(?:19|20)\d{2}",
        &["03/12/1984", "12.3.1984", "3-12-1984"]).checked(checks::ends_of_number),
    pattern("date-text", Medium, "full date with the month's name",
        r"(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}[-_ .,]{1,2}\d",
        concat!(
            r"(?:0?[1-9]|[12]\d|3[01])[-_ .]{1,2}(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}[-_ .,]{1,2}(?:19|20)\d{2}",
            r"|(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}[-_ .]{1,2}(?:0?[1-9]|[12]\d|3[01])(?:,[ _]?|[ _])(?:19|20)\d{2}",
        ), &["12-Mar-1984", "March 12, 1984", "3_Sep_2001"]),
    pattern("us-zip", Medium, "US postal code behind its keyword or a state",
        r"(?i:zip)|[a-z](?:,[ _]?|[ _])[A-Z]{2}[ _]\d{5}",
        concat!(r"(?i:zip)(?i:[ _-]?code)?[:#= ]{0,3}\d{5}(?:-\d{4})?",
            r"|[A-Z][a-z]{2,20}(?:,[ _]?|[ _])(?:A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|S[CD]|T[NX]|UT|V[AT]|W[AIVY])[ _]\d{5}(?:-\d{4})?"),
        &["ZIP: 02139", "Boston, MA 02115", "Dedham MA 02026", "zip code=94110-1234"]),
    pattern("age-over-89", Medium, "an age above 89 (45 CFR 164.514(b)(2)(i)(C))",
        r"(?i:age|aged)[:= _]{1,3}(?:9|1[01])\d",
        r"(?i:age|aged)[:= _]{1,3}(?:9\d|1[01]\d)",
        &["age: 93", "aged 101", "AGE=90"]),
    pattern("ip-address", Medium, "IPv4 address",
        r"\d\.\d{1,3}\.\d{1,3}\.\d",
        r"(?:25[0-5]|2[0-4]\d|1\d{2}|[1-9]\d)\.(?:25[0-5]|2[0-4]\d|1?\d{1,2})\.(?:25[0-5]|2[0-4]\d|1?\d{1,2})\.(?:25[0-5]|2[0-4]\d|1?\d{1,2})",
        &["192.168.17.4", "10.0.0.12"]).checked(checks::address),
    pattern("home-folder", Medium, "a person's folder in a file path",
        r"(?i:home|users|people|settings)[/\\]",
        concat!(r"/(?:home|Users|export/home|usr/people)/[A-Za-z0-9._-]{1,64}",
            r"|(?i:[A-Z]:[/\\]{1,2}(?:users|documents and settings)[/\\]{1,2})[A-Za-z0-9._ -]{1,64}"),
        &["/home/jroe", "/Users/jane.roe", r"C:\Users\jroe", "D:/Users/jroe"]).inside_words(),
    pattern("sequencing-file-path", Low, "path of a sequencing file, whose name is often a sample's",
        r"\.(?:bam|cram|vcf|fastq|fq|bcf)",
        r"/(?:[A-Za-z0-9._+-]{1,64}/){1,16}[A-Za-z0-9._+-]{1,128}\.(?:bam|cram|g\.vcf|vcf|fastq|fq|bcf)(?:\.b?gz)?",
        &["/data/run7/JaneRoe.bam", "/seq/x/S1.g.vcf.gz"]),
    pattern("sample-like", Low, "a sample's, patient's or donor's number",
        r"(?i:sample|patient|proband|subject|participant|donor)(?i:[ _-]?(?:name|number|num|no|id))?[:#=_ -]{0,2}[A-Z]{0,4}\d",
        r"(?i:sample|patient|proband|subject|participant|donor)(?i:[ _-]?(?:name|number|num|no|id))?[:#=_ -]{0,2}[A-Z]{0,4}\d{2,10}",
        &["Patient_01", "sample=NA12878", "Donor 4711", "subject-id: 0042"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_fit_into_a_redaction() {
        let mut seen = std::collections::HashSet::new();
        for pattern in all() {
            assert!(seen.insert(pattern.id), "{}", pattern.id);
            assert!(pattern.id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{}", pattern.id);
            assert!(!pattern.description.is_empty());
        }
    }
}
