//! One managed cluster for all tests of a process. It lives in a temporary folder and goes with the process.

use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Cluster, DATABASE};
use crate::db::Databases;
use crate::db::roles::APPLICATION;

/// The cluster, started and migrated at the first call.
pub(crate) fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let home = tempfile::Builder::new().prefix("genogate-test-").tempdir().unwrap().keep();
        let cluster = Cluster::open(&home);
        // Reads until this process is gone, however it goes, then clears up.
        let watch = Command::new("sh")
            .args(["-c", "read _; pid=$(head -n 1 \"$1/postgres/data/postmaster.pid\"); kill -QUIT $pid; while kill -0 $pid; do sleep 0.1; done; rm -rf \"$1\"", "sh"])
            .arg(&home)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Never waited for: it outlives this process, whose end it waits for on its standard input.
        std::mem::forget(watch);
        let started = cluster.clone();
        // A runtime of its own: the caller may be inside another.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(started.start()).map_err(|error| format!("{error:?}")).unwrap();
        })
        .join()
        .unwrap();
        cluster
    })
}

/// A migrated database of its own for one test: `local` of what is returned.
pub(crate) async fn database() -> Databases {
    static NUMBER: AtomicU32 = AtomicU32::new(1);
    static TEMPLATE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let name = format!("scratch_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let cluster = tokio::task::spawn_blocking(cluster).await.unwrap();
    let databases = Databases::default().with_home(cluster.home());
    // A template may have no sessions, so nobody copies it while another does.
    let _one = TEMPLATE.lock().await;
    let server = cluster.administrator("postgres").await.unwrap();
    for statement in [
        format!("CREATE DATABASE {name} TEMPLATE {DATABASE}"),
        format!("REVOKE ALL ON DATABASE {name} FROM PUBLIC"),
        format!("GRANT CONNECT ON DATABASE {name} TO {APPLICATION}"),
        format!("GRANT CONNECT, CREATE ON DATABASE {name} TO genogate_owner"),
    ] {
        server.batch_execute(&statement).await.map_err(|error| format!("{error:?}")).unwrap();
    }
    server.close().await;
    databases.with_local_name(&name)
}
