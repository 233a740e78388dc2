//! Transmission security: nobody talks to the database without verified TLS. It must not know what is transmitted.

use super::control::{Attempt, Control, Target};
use crate::db::{self, Refusal, Wrong};
use crate::error::{Class, Error, Result};

/// See the module.
pub struct TransmissionSecurity;

#[async_trait::async_trait]
impl Control for TransmissionSecurity {
    fn id(&self) -> &'static str {
        "transmission-security"
    }

    fn citation(&self) -> &'static str {
        "45 CFR 164.312(e)(1)"
    }

    fn claim(&self) -> &'static str {
        "the application reaches the database over TLS with a verified certificate only, and proves its password without sending it"
    }

    async fn attack(&self, target: &Target<'_>) -> Result<Vec<Attempt>> {
        let Target { databases, name } = *target;
        // The right way works; what fails below fails for what is wrong with it.
        let mut attempts = vec![encrypted(target).await?];

        attempts.push(turned_away("a connection without TLS", databases.connect_wrongly(name, Wrong::NoTls).await)?);
        if name == db::LOCAL {
            let wrong = Wrong::Role(db::ADMINISTRATOR);
            attempts
                .push(turned_away("the administrator's role over the network", databases.connect_wrongly(name, wrong).await)?);
        }

        let failed = |error: std::io::Error| Error::failed(format!("no temporary file: {}", error.kind())).with_source(error);
        let stranger = tempfile::NamedTempFile::new().map_err(failed)?;
        std::fs::write(stranger.path(), strange_authority()?).map_err(failed)?;
        let attack = "a certificate from an unknown authority";
        attempts.push(match databases.connect_wrongly(name, Wrong::Authority(stranger.path())).await {
            Ok(()) => Attempt::new(attack, false, "it was believed"),
            Err(error) if db::is_strange_authority(&error) => {
                Attempt::new(attack, true, "not believed; no session, no password sent")
            }
            Err(error) => return Err(error),
        });

        let attack = "a login by anything but SCRAM bound to the TLS channel";
        attempts.push(match databases.connect_bound(name).await {
            Ok(connection) => {
                connection.close().await;
                Attempt::new(attack, true, "the server binds the login to the channel")
            }
            Err(error) if error.is_transient() => return Err(error),
            Err(error) => Attempt::new(attack, false, format!("the server cannot bind the login: {error}")),
        });
        Ok(attempts)
    }
}

async fn encrypted(target: &Target<'_>) -> Result<Attempt> {
    let reading = |error| db::failure("asking the server about its TLS", error);
    let connection = target.databases.connect_to_attack(target.name).await?;
    let tls = "SELECT ssl FROM pg_catalog.pg_stat_ssl WHERE pid = pg_catalog.pg_backend_pid()";
    let row = connection.query_one(tls, &[]).await.map_err(reading)?;
    let encrypted: bool = row.try_get(0).map_err(reading)?;
    connection.close().await;
    let evidence = if encrypted { "the server sees TLS" } else { "the server sees no TLS" };
    Ok(Attempt::new("a session of the application's own is looked at by the server", encrypted, evidence))
}

/// The server must end the connection before it asks who that is. A login that fails proves only that the password was wrong.
fn turned_away(attack: &'static str, outcome: Result<()>) -> Result<Attempt> {
    match outcome {
        Ok(()) => Ok(Attempt::new(attack, false, "it worked")),
        Err(error) if Refusal::below(&error).is_some_and(Refusal::is_before_login) => {
            Ok(Attempt::new(attack, true, "refused before any password (28000)"))
        }
        Err(error) => match (error.sqlstate(), error.class()) {
            (Some(code), _) => Ok(Attempt::new(attack, false, format!("the server went as far as a login ({code})"))),
            // The driver's refusal to answer a question for a password that it does not want to send.
            (None, Class::Database) if !error.is_transient() => {
                Ok(Attempt::new(attack, false, "the server went as far as a login"))
            }
            (None, _) => Err(error),
        },
    }
}

/// The PEM certificate of an authority that signed nothing.
fn strange_authority() -> Result<String> {
    rcgen::generate_simple_self_signed(["localhost".to_owned()])
        .map(|made| made.cert.pem())
        .map_err(|error| Error::internal("a certificate cannot be made").with_source(error))
}
