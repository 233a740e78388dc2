//! No test goes without something in silence: what is skipped is said and collected, and only listed reasons are let pass.

use std::process::Command;

use super::machine::{Lack, SKIPPED, skip};
use super::support::{Done, repository};

/// Set in the test's own program, started again to skip this.
const VICTIM: &str = "GENOGATE_TEST_SKIPS";

fn judge(file: &std::path::Path) -> Done {
    Command::new(repository("tests/skips.sh")).arg(file).output().unwrap().into()
}

#[test]
fn a_skip_is_said_collected_and_judged() {
    if let Some(which) = std::env::var_os(VICTIM) {
        return Lack::ALL.into_iter().filter(|lack| which == *format!("{lack:?}")).for_each(skip);
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("skipped");
    assert_eq!(judge(&file).expect(0).stdout, "no test was skipped\n");
    let skips = |lack: Lack| -> Done {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "skips::a_skip_is_said_collected_and_judged"]);
        command.env(VICTIM, format!("{lack:?}")).env(SKIPPED, &file).output().unwrap().into()
    };
    let said = |lack: Lack| format!("SKIPPED skips::a_skip_is_said_collected_and_judged: {lack}\n");
    assert_eq!(skips(Lack::Mount).expect(0).stderr, said(Lack::Mount));
    let listed = judge(&file).expect(0);
    assert!(listed.stdout.contains(&format!("{}: ", Lack::Mount)), "{listed:#?}");
    assert!(listed.stdout.contains("a_skip_is_said") && listed.stderr.is_empty(), "{listed:#?}");
    assert_eq!(skips(Lack::Htslib).expect(0).stderr, said(Lack::Htslib));
    let refused = judge(&file).expect(1);
    assert!(refused.stderr.contains(&format!("not listed: {}", Lack::Htslib)), "{refused:#?}");
    assert!(!refused.stderr.contains(&Lack::Mount.to_string()), "{refused:#?}");
}

/// A program that can be installed is no reason, nor is one that nobody gives.
#[test]
fn the_list_holds_reasons_that_are_given_and_cannot_be_helped() {
    let list = std::fs::read_to_string(repository("tests/allowed-skips")).unwrap();
    let given: Vec<String> = [Lack::RealFiles, Lack::Mount, Lack::Cgroup, Lack::Client].map(|lack| lack.to_string()).into();
    let ci = std::fs::read_to_string(repository(".ci/run")).unwrap();
    for line in list.lines().filter(|line| !line.starts_with('#')) {
        let (reason, why) = line.split_once(": ").expect("REASON: WHY");
        assert!(given.iter().any(|known| known == reason) || ci.contains(reason), "nobody skips for `{reason}`");
        assert!(!why.is_empty());
    }
}
