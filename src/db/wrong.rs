//! Sessions that whoever checks the controls tries: the application's own with one thing wrong, or as powerful as it is. It must
//! not know what a success means.

use std::path::Path;

use tokio_postgres::config::SslMode;
use tokio_postgres::{Config, NoTls};

use super::connect::{Connection, Place, Way, Who};
use super::{Databases, failure};
use crate::error::Result;

/// What is wrong with a connection.
#[derive(Clone, Copy, Debug)]
pub enum Wrong<'a> {
    /// No TLS. Offers no password worth stealing: a server that asks for one has failed already.
    NoTls,
    /// Another certificate authority than the server's.
    Authority(&'a Path),
    /// Another role, with the application's password.
    Role(&'a str),
}

impl Databases {
    /// Tries to connect to the database called `name` with something wrong. `Ok` means that it worked.
    pub async fn connect_wrongly(&self, name: &str, wrong: Wrong<'_>) -> Result<()> {
        let mut target = self.target(name, false)?;
        match wrong {
            Wrong::NoTls => {
                let mut config = Config::new();
                config.host(&target.host).port(target.port).dbname(&target.name).user(&target.user).password("none");
                config.ssl_mode(SslMode::Disable);
                if let Some(address) = target.address {
                    config.hostaddr(address);
                }
                return config.connect(NoTls).await.map(drop).map_err(|error| failure("connecting without TLS", error));
            }
            Wrong::Authority(path) => target.ca = path.to_owned(),
            Wrong::Role(role) => target.user = role.to_owned(),
        }
        Way::new(Place::Tls(target), Who::Attacker, self.witness.clone()).connect().await.map(drop)
    }

    /// The application's session, also when its role has power over the database.
    pub async fn connect_to_attack(&self, name: &str) -> Result<Connection> {
        let mut target = self.target(name, false)?;
        target.bound = false;
        let way = Way::new(Place::Tls(target), Who::Attacker, self.witness.clone());
        way.connect().await.map_err(|error| error.at(format_args!("database {name}")))
    }

    /// The application's session whose login must be bound to the TLS channel (SCRAM-SHA-256-PLUS).
    pub async fn connect_bound(&self, name: &str) -> Result<Connection> {
        let mut target = self.target(name, false)?;
        target.bound = true;
        Way::new(Place::Tls(target), Who::Attacker, self.witness.clone()).connect().await
    }
}
