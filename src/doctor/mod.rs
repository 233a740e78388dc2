//! What this machine has and lacks for the main job. It must not change anything: no file, no server, no row.

mod check;
mod database;
mod home;
mod machine;

use std::path::Path;

pub use check::Check;

use crate::db::Databases;

/// Looks at everything; `home` is the data home, `name` the database that is meant: the managed one, or a server of one's own, and then
/// the managed one is of no interest.
pub async fn examine(home: &Path, databases: &Databases, name: &str) -> Vec<Check> {
    let mut checks = vec![machine::cpus(), machine::memory(), home::folder(home), home::space(home)];
    checks.extend(home::rings(home));
    checks.extend(database::examine(databases, name).await);
    checks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::LOCAL;

    #[tokio::test]
    async fn a_machine_without_a_cluster_is_told_how_to_start_one_and_nothing_is_made() {
        let parent = tempfile::tempdir().unwrap();
        let home = parent.path().join("not-yet");
        let checks = examine(&home, &Databases::default().with_home(&home), LOCAL).await;
        let named = |name| checks.iter().find(|check| check.name == name).unwrap();
        assert!(named("data home").ok && named("keys").ok && named("cpus").ok);
        for name in ["managed database", "tls", "migrations"] {
            assert!(!named(name).ok && named(name).hint.as_ref().unwrap().contains("genogate db start"), "{name}");
        }
        assert!(!home.exists());
    }

    #[tokio::test]
    async fn a_started_cluster_is_found_well() {
        let home = tokio::task::spawn_blocking(|| crate::db::local::testing::cluster().home()).await.unwrap();
        let checks = examine(home, &Databases::default().with_home(home), LOCAL).await;
        for name in ["server programs", "managed database", "tls", "migrations", "keys"] {
            let check = checks.iter().find(|check| check.name == name).unwrap();
            assert!(check.ok, "{check:?}");
        }
    }
}
