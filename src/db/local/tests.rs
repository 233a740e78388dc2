//! The managed cluster under attack, and its life from first start to deletion.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::certificates;
use super::testing;
use super::*;
use crate::db::connect::{Place, Way, Who};
use crate::db::roles::{ADMINISTRATOR, APPLICATION};
use crate::db::watch::Witness;
use crate::db::{DatabaseSpec, Databases, Tls};
use crate::error::Class;
use crate::secrets::{SecretRef, write_private};

/// The test cluster as an ordinary named database with another password or authority.
fn spec(cluster: &Cluster, password: &Path, ca: &Path, user: &str) -> Databases {
    let spec = DatabaseSpec {
        host: "localhost".to_owned(),
        port: cluster.status().unwrap().port,
        name: DATABASE.to_owned(),
        user: user.to_owned(),
        password: SecretRef::File(password.to_owned()),
        tls: Tls { ca: ca.to_owned() },
        administrator: None,
    };
    Databases::new([("named".to_owned(), spec)].into(), Path::new("/"))
}

async fn cluster() -> &'static Cluster {
    tokio::task::spawn_blocking(testing::cluster).await.unwrap()
}

#[tokio::test]
async fn the_application_comes_in_over_verified_tls_bound_to_scram() {
    let cluster = cluster().await;
    for databases in [
        Databases::default().with_home(cluster.home()),
        spec(cluster, &cluster.password_file(), &cluster.authority(), APPLICATION),
    ] {
        let name = if databases.contains("named") { "named" } else { "local" };
        let session = databases.connect(name).await.unwrap();
        let row = session.query_one("SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()", &[]).await.unwrap();
        assert!(row.get::<_, bool>(0));
        assert!(["TLSv1.2", "TLSv1.3"].contains(&row.get::<_, &str>(1)));
        let row = session
            .query_one(
                "SELECT current_user::text, current_setting('search_path'), current_setting('application_name'),
                        current_setting('client_connection_check_interval'), current_setting('data_checksums')",
                &[],
            )
            .await
            .unwrap();
        let found: Vec<&str> = (0..5).map(|at| row.get(at)).collect();
        assert_eq!(found, [APPLICATION, "genogate, pg_temp", "genogate", "10s", "on"]);
        session.close().await;
    }
}

#[tokio::test]
async fn without_tls_nobody_comes_in() {
    let cluster = cluster().await;
    let target = cluster.target(DATABASE).unwrap();
    let mut config = tokio_postgres::Config::new();
    config.host("127.0.0.1").port(target.port).user(APPLICATION).dbname(DATABASE).password(target.password.expose());
    let error = config.connect(tokio_postgres::NoTls).await.map(|_| ()).unwrap_err();
    assert_eq!(error.code().map(|code| code.code()), Some("28000"));
}

#[tokio::test]
async fn another_authority_is_not_believed() {
    let cluster = cluster().await;
    let folder = tempfile::tempdir().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let other = certificates::authority().unwrap().self_signed(&key).unwrap();
    let ca = folder.path().join("other.crt");
    std::fs::write(&ca, other.pem()).unwrap();
    let error = spec(cluster, &cluster.password_file(), &ca, APPLICATION).connect("named").await.unwrap_err();
    assert_eq!(error.class(), Class::Database, "{error}");
    assert!(error.to_string().contains("does not prove who it is"), "{error}");
    assert!(error.hint().unwrap().contains("databases.named.tls.ca"));
    assert!(!error.is_transient());

    std::fs::write(&ca, "no certificate").unwrap();
    let error = spec(cluster, &cluster.password_file(), &ca, APPLICATION).connect("named").await.unwrap_err();
    assert_eq!(error.class(), Class::Database, "{error}");
    let error =
        spec(cluster, &cluster.password_file(), &folder.path().join("gone"), APPLICATION).connect("named").await.unwrap_err();
    assert_eq!(error.class(), Class::Database, "{error}");
}

#[tokio::test]
async fn a_certificate_for_another_name_is_not_believed() {
    let cluster = cluster().await;
    let mut target = cluster.target(DATABASE).unwrap();
    target.host = "db.example.org".to_owned();
    let way = Way::new(Place::Tls(target), Who::Application, Witness::default());
    let error = way.connect().await.unwrap_err();
    assert_eq!(error.class(), Class::Database);
    assert!(error.to_string().contains("another host name"), "{error}");
}

#[tokio::test]
async fn a_wrong_password_is_denied_and_not_repeated() {
    let cluster = cluster().await;
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    write_private(&password, b"not-the-password").unwrap();
    let error = spec(cluster, &password, &cluster.authority(), APPLICATION).connect("named").await.unwrap_err();
    assert_eq!((error.class(), error.sqlstate()), (Class::Denied, Some("28P01")));
    assert!(!format!("{error:?}").contains("not-the-password"));
}

#[tokio::test]
async fn the_superuser_and_strangers_do_not_come_in_over_tcp() {
    let cluster = cluster().await;
    for user in [ADMINISTRATOR, "postgres", "genogate_owner"] {
        let error = spec(cluster, &cluster.password_file(), &cluster.authority(), user).connect("named").await.unwrap_err();
        assert_eq!(error.class(), Class::Denied, "{user}: {error}");
    }
}

#[tokio::test]
async fn the_application_has_no_power_over_the_server() {
    let databases = testing::database().await;
    let session = databases.connect("local").await.unwrap();
    for statement in [
        "SELECT * FROM pg_catalog.pg_authid",
        "SELECT * FROM genogate_meta.migrations",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "SELECT pg_catalog.pg_read_file('postmaster.pid')",
        "CREATE ROLE other",
        "SET ROLE genogate_owner",
        "CREATE SCHEMA mine",
        "CREATE TEMP TABLE mine (i int)",
        "CREATE TABLE public.mine (i int)",
        "ALTER SYSTEM SET ssl = off",
    ] {
        let error = session.batch_execute(statement).await.unwrap_err();
        assert_eq!(crate::db::failure("trying", error).class(), Class::Denied, "{statement}");
    }
}

#[tokio::test]
async fn no_password_stands_among_arguments_or_in_the_environment() {
    let cluster = cluster().await;
    let password = cluster.target(DATABASE).unwrap().password;
    for app in [false, true] {
        let mut psql = cluster.psql(&["-XAtc".into(), "SELECT current_user".into()], app).unwrap();
        assert!(!format!("{psql:?}").contains(password.expose()));
        let output = psql.output().unwrap();
        let expected = if app { APPLICATION } else { ADMINISTRATOR };
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), expected, "{}", String::from_utf8_lossy(&output.stderr));
    }
    for process in glob::glob("/proc/[0-9]*/cmdline").unwrap().flatten() {
        let arguments = std::fs::read(process).unwrap_or_default();
        assert!(!arguments.windows(password.expose().len()).any(|part| part == password.expose().as_bytes()));
    }
    assert!(!cluster.url().unwrap().contains(password.expose()));
}

#[tokio::test]
async fn values_reach_neither_the_servers_log_nor_an_error() {
    let databases = testing::database().await;
    let administrator = databases.administrator("local").await.unwrap();
    for statement in [
        "SELECT 'MRN-7716245'::int",
        "CREATE TABLE public.t (k text PRIMARY KEY); INSERT INTO public.t VALUES ('MRN-7716245'), ('MRN-7716245')",
    ] {
        let error = crate::db::failure("trying", administrator.batch_execute(statement).await.unwrap_err());
        assert_eq!(error.class(), Class::Failed);
        assert!(!format!("{error:?}").contains("7716245"), "{error:?}");
    }
    let log = std::fs::read_to_string(cluster().await.log()).unwrap();
    assert!(!log.contains("7716245"));
}

#[tokio::test]
async fn a_cluster_lives_from_start_to_reset() {
    let home = tempfile::tempdir().unwrap();
    // A folder no other user can enter, with a name that needs quoting and is too long for a socket.
    std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let home = home.path().join(format!("it's, {}", "long".repeat(30)));
    let cluster = Cluster::open(&home);
    assert!(!cluster.status().unwrap().running && !home.exists());
    assert_eq!(cluster.target(DATABASE).unwrap_err().class(), Class::Database);
    assert!(!cluster.stop().await.unwrap());

    let (one, two) = tokio::join!(cluster.start(), cluster.start());
    let (one, two) = (one.unwrap(), two.unwrap());
    assert!(one.created != two.created && one.already_running != two.already_running);
    assert_eq!(one.migrations.len() + two.migrations.len(), one.migrations.len().max(two.migrations.len()));
    let port = cluster.status().unwrap().port;
    let databases = Databases::default().with_home(&home);
    databases.connect("local").await.unwrap().close().await;
    let ring = crate::secrets::Keys::default().with_home(&home).open_unrecorded("vault").unwrap();

    assert!(cluster.stop().await.unwrap());
    assert_eq!(databases.connect("local").await.unwrap_err().class(), Class::Database);
    let again = cluster.start().await.unwrap();
    assert!(!again.created && again.migrations.is_empty());
    assert_eq!(again.status.port, port, "the port is kept");
    databases.connect("local").await.unwrap().close().await;

    let data = std::fs::canonicalize(cluster.data()).unwrap();
    assert!(cluster.reset().await.unwrap());
    assert!(!data.exists() && !cluster.status().unwrap().running);
    let kept = crate::secrets::Keys::default().with_home(&home).open_unrecorded("vault").unwrap();
    assert_eq!(ring.primary().1.expose(), kept.primary().1.expose());
}

#[tokio::test]
async fn a_taken_port_is_given_up_and_a_killed_server_starts_again() {
    let home = tempfile::tempdir().unwrap();
    let cluster = Cluster::open(home.path());
    let status = cluster.start().await.unwrap().status;
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(status.pid.unwrap()), nix::sys::signal::Signal::SIGQUIT).unwrap();
    while std::fs::exists(format!("/proc/{}", status.pid.unwrap())).unwrap() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let _taken = std::net::TcpListener::bind(("127.0.0.1", status.port.unwrap())).unwrap();
    let again = cluster.start().await.unwrap().status;
    assert!(again.running && again.port != status.port);
    assert!(cluster.url().unwrap().contains(&format!(":{}/", again.port.unwrap())));
    cluster.reset().await.unwrap();
}

/// Right behind the kill the server's other processes are still there, and its files say that it runs.
#[tokio::test]
async fn right_behind_a_killed_postmaster_a_server_starts() {
    let home = tempfile::tempdir().unwrap();
    let cluster = Cluster::open(home.path());
    let mut pid = cluster.start().await.unwrap().status.pid.unwrap();
    for _ in 0..3 {
        let busy = Databases::default().with_home(home.path()).connect("local").await.unwrap();
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
        let again = cluster.start().await.unwrap();
        assert!(!again.already_running && again.status.pid != Some(pid));
        pid = again.status.pid.unwrap();
        drop(busy);
    }
    cluster.reset().await.unwrap();
}
