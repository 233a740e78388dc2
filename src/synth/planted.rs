//! Invented people whose names, numbers and addresses `phi` plants in a file, and the list of what was planted where.
//! It must not know how detection looks for them. Telephone numbers, mail and network addresses are from the ranges kept for
//! fiction and documentation (555-01xx, RFC 2606, RFC 5737); any likeness of the rest to a person is chance.

use super::options::{Kind, Options};
use super::random::Random;

/// Where a planted identifier lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// A `##` line.
    Header,
    /// A sample's name in the `#CHROM` line.
    Sample,
    /// The ID column.
    Id,
    /// The text of `INFO/NOTE`.
    Info,
    /// The text of `FORMAT/RMK`.
    Format,
}

impl Place {
    /// The word in reports.
    pub fn name(self) -> &'static str {
        ["header", "sample", "id", "info", "format"][self as usize]
    }
}

/// An identifier that stands in the file byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Planted {
    /// The text to look for.
    pub value: String,
    /// Where it was put.
    pub place: Place,
}

/// Everything a file of one seed gives away.
pub(super) struct Plan {
    pub(super) header: Vec<String>,
    pub(super) note_description: String,
    pub(super) samples: Vec<String>,
    pub(super) notes: Vec<String>,
    pub(super) remarks: Vec<String>,
    pub(super) ids: Vec<String>,
    values: Vec<Planted>,
    stride: u64,
}

struct Person {
    given: &'static str,
    surname: &'static str,
    mrn: u32,
    user: String,
}

// Surnames rare enough that finding one means that it leaked. Headers, notes and samples draw from different parts of the list.
const SURNAMES: [&str; 40] = [
    "Featherstonehaugh",
    "Vanterpool",
    "Kowalczykowa",
    "Castellanueva",
    "Dragomirova",
    "Eisenhardtsen",
    "Lindqvistson",
    "Okonjowele",
    "Papanikolaides",
    "Quartermaine",
    "Ravensworthy",
    "Szczepaniakova",
    "Thistlethwaite",
    "Underhillsson",
    "Villalobreda",
    "Wojciechowicz",
    "Xanthopoulidis",
    "Yamashirogawa",
    "Zimmerwaldt",
    "Abernethyson",
    "Bhattacharjeena",
    "Cholmondeleigh",
    "Delacroixette",
    "Ekstromqvist",
    "Fitzgibbonsly",
    "Grunewaldheim",
    "Haverstockley",
    "Iwanowskaya",
    "Jablonskiewicz",
    "Krzyzanowskia",
    "Llewellynson",
    "Mbekelowa",
    "Nakagawamoto",
    "Oyelowofemi",
    "Pendergrasston",
    "Quisenberrylow",
    "Rasmussendahl",
    "Strathclydeson",
    "Tereshchenkova",
    "Uzumakibara",
];
const GIVEN: [&str; 12] = [
    "Wilhelmina",
    "Bartholomew",
    "Clementine",
    "Desdemona",
    "Evangeline",
    "Ferdinanda",
    "Guinevere",
    "Hildegarde",
    "Ignatius",
    "Jacobine",
    "Leopoldine",
    "Marcellus",
];
/// First entry of [`SURNAMES`] (after turning the list by the seed) that samples are named after.
const SAMPLES_FROM: usize = 20;

/// What a file written with these options gives away: empty unless `phi` is set.
pub fn planted(options: &Options) -> Vec<Planted> {
    Plan::new(options).map(|plan| plan.values).unwrap_or_default()
}

impl Plan {
    /// The plan of a file; `None` when nothing is to be planted.
    pub(super) fn new(options: &Options) -> Option<Self> {
        if !options.phi {
            return None;
        }
        let mut random = Random::new(options.seed, *b"people..");
        let turn = random.below(SURNAMES.len() as u32) as usize;
        let mut person = |i: usize| {
            // Remainders are below the lengths they are taken by.
            let (given, surname) = (GIVEN[(turn + i) % GIVEN.len()], SURNAMES[(turn + i) % SURNAMES.len()]);
            let user = format!("{}{}", &given[..1], surname).to_lowercase();
            Person { given, surname, mrn: 10_000_000 + random.below(89_999_999), user }
        };
        let [patient, doctor] = [person(0), person(1)];
        let noted: Vec<Person> = (2..14).map(&mut person).collect();
        let remarked: Vec<Person> = (14..17).map(&mut person).collect();
        let identified = person(17);
        let sampled = (0..options.samples).map(|i| person(SAMPLES_FROM + i % (SURNAMES.len() - SAMPLES_FROM)));
        let samples: Vec<String> = sampled.map(|p| format!("{}_{}_MRN{}", p.surname, p.given, p.mrn)).collect();

        let mut plan = Plan {
            header: Vec::new(),
            note_description: String::new(),
            samples,
            notes: Vec::new(),
            remarks: Vec::new(),
            ids: Vec::new(),
            values: Vec::new(),
            stride: 1,
        };
        plan.stride = (options.records / noted.len() as u64).clamp(1, 1000);
        plan.say_header(&mut random, &patient, &doctor);
        plan.say_notes(&mut random, &noted, options.records);
        plan.say_calls(&remarked, &identified, options);
        plan.name_samples();
        Some(plan)
    }

    fn value(&mut self, place: Place, value: impl Into<String>) {
        let value = value.into();
        if !self.values.iter().any(|known| known.value == value && known.place == place) {
            self.values.push(Planted { value, place });
        }
    }

    fn say_header(&mut self, random: &mut Random, patient: &Person, doctor: &Person) {
        let Person { given, surname, mrn, user } = patient;
        let born = format!("{}-{:02}-{:02}", 1931 + random.below(60), 1 + random.below(12), 1 + random.below(28));
        let mail = format!("{}@hospital.example.org", doctor.user);
        if let Some(sample) = self.samples.first() {
            self.header.push(format!("##SAMPLE=<ID={sample},Description=\"{given} {surname}, born {born}\">"));
        }
        self.header.extend([
            format!("##patient={given} {surname} (MRN{mrn}), DOB {born}"),
            format!(
                "##GATKCommandLine=<ID=HaplotypeCaller,CommandLine=\"HaplotypeCaller --input /home/{user}/cases/MRN{mrn}.bam \
                 --output /home/{user}/cases/MRN{mrn}.vcf\",Version=\"4.5.0.0\",Date=\"5 March 2024\">"
            ),
            format!(
                "##bcftools_viewCommand=view -Oz -o /home/{user}/out/{surname}_{given}.vcf.gz; Date=Tue Mar  5 10:14:02 2024"
            ),
            format!("##source_file=/data/clinic/{surname}_{given}/run7.vcf"),
        ]);
        self.note_description = format!("Free-text remark; questions to {mail}");
        let path = format!("/home/{user}/");
        for value in [(*surname).to_owned(), format!("MRN{mrn}"), born, path, mail] {
            self.value(Place::Header, value);
        }
    }

    /// One text per note; each record at a multiple of the stride holds the next. Fewer records than notes hold the first ones.
    fn say_notes(&mut self, random: &mut Random, people: &[Person], records: u64) {
        for (i, person) in people.iter().enumerate().take(usize::try_from(records).unwrap_or(usize::MAX)) {
            let Person { given, surname, mrn, user } = person;
            let (a, b) = (random.below(90), 1000 + random.below(9000));
            let (text, value) = match i {
                0 => ("seen in clinic with", format!("MRN {mrn}")),
                1 => ("DOB", format!("{:02}/{:02}/{}", 1 + a % 12, 1 + a % 28, 1931 + a % 60)),
                2 => ("call back at", format!("(617) 555-01{:02}", a)),
                3 => ("report sent to", format!("{}.{}@mail.example.com", given.to_lowercase(), surname.to_lowercase())),
                4 => ("on the requisition SSN", format!("7{:02}-{:02}-{b}", 40 + a % 10, 1 + a)),
                5 => ("discussed at rounds as", (*surname).to_owned()),
                6 => ("resubmitted under", format!("S24-00{b}{}", a % 10)),
                7 => ("lives at", format!("{} Larkspur Lane Dedham MA 02026", b)),
                8 => ("portal", format!("https://portal.example.org/p/{user}")),
                9 => ("raw data in", format!("/home/{user}/cases")),
                10 => ("uploaded from", format!("203.0.113.{a}")),
                _ => ("mother is", format!("{given} {surname}")),
            };
            self.notes.push(format!("{text} {value}"));
            self.value(Place::Info, value);
        }
    }

    fn say_calls(&mut self, people: &[Person], identified: &Person, options: &Options) {
        let records = usize::try_from(options.records).unwrap_or(usize::MAX);
        if options.kind != Kind::Sites {
            for (i, Person { surname, mrn, .. }) in people.iter().enumerate().take(records) {
                let (text, value) = match i {
                    0 => ("second tube for", (*surname).to_owned()),
                    1 => ("swapped with", format!("MRN {mrn}")),
                    _ => ("ask family", format!("{surname} {}", identified.given)),
                };
                self.remarks.push(format!("{text} {value}"));
                self.value(Place::Format, value);
            }
        }
        if records > 0 {
            let id = format!("LAB-{}-{}", identified.surname, identified.mrn % 100);
            self.ids.push(id.clone());
            self.value(Place::Id, id);
        }
    }

    fn name_samples(&mut self) {
        for name in self.samples.clone() {
            // The surname alone and the record number alone would give the person away too.
            for part in [name.as_str()].into_iter().chain(name.split('_').filter(|part| part.len() > 9 && !GIVEN.contains(part)))
            {
                self.value(Place::Sample, part);
            }
        }
    }

    /// The planted text of record number `record`, if it is one of those that hold one.
    pub(super) fn text(texts: &[String], stride: u64, record: u64) -> Option<&str> {
        if !record.is_multiple_of(stride) || texts.is_empty() {
            return None;
        }
        texts.get((record / stride % texts.len() as u64) as usize).map(String::as_str)
    }

    /// Records between two planted texts.
    pub(super) fn stride(&self) -> u64 {
        self.stride
    }
}
