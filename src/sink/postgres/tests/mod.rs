//! The sink against a real server.

mod digests;
mod ends;
mod guards;
mod holders;
mod loads;
mod outages;
mod plans;

use std::sync::Arc;

use crate::db::Connection;
use crate::flow::{Sink, SinkConfig};
use crate::sink::testing::Rig;

fn sink() -> Arc<dyn Sink> {
    patient("2min")
}

/// A sink that waits this long for a database that is away.
fn patient(patience: &str) -> Arc<dyn Sink> {
    let config = super::Config { database: Some("local".into()), patience: Some(patience.to_owned()), ..Default::default() };
    config.build(std::path::Path::new(".")).unwrap()
}

async fn app(rig: &Rig) -> Connection {
    rig.databases.connect("local").await.unwrap()
}

async fn admin(rig: &Rig) -> Connection {
    rig.databases.administrator("local").await.unwrap()
}

/// What [`lend`] makes the secret of whoever holds a load.
const SECRET: &str = "decode('736563726574', 'hex')";

/// Lets anybody who shows [`SECRET`] write for the load's holders: what the guards refuse even then is theirs to refuse.
async fn lend(rig: &Rig) {
    admin(rig).await.batch_execute(&format!("UPDATE genogate_store.holders SET worker = sha256({SECRET})")).await.unwrap();
}

async fn count(client: &Connection, what: &str) -> i64 {
    client.query_one(&format!("SELECT count(*) FROM {what}"), &[]).await.unwrap().get(0)
}

/// Waits until there are so many.
async fn until(client: &Connection, what: &str, wanted: i64) {
    while count(client, what).await != wanted {
        tokio::task::yield_now().await;
    }
}
