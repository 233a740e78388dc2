//! Transmission security: nobody talks to the database without verified TLS. It must not know what is transmitted.

use super::control::{Attempt, Control, Target};
use crate::db::{self, Wrong};
use crate::error::{Class, Error, Result};

/// SQLSTATE invalid_authorization_specification: pg_hba.conf has no rule for such a session, so it ended before any password.
const NO_RULE: &str = "28000";

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
        "the database is reached over TLS with a verified certificate only, by the application's role only"
    }

    async fn attack(&self, target: &Target<'_>) -> Result<Vec<Attempt>> {
        let Target { databases, name } = *target;
        // The right way works; what fails below fails for what is wrong with it.
        let mut connection = databases.connect(name).await?;
        let tls = "SELECT ssl FROM pg_catalog.pg_stat_ssl WHERE pid = pg_catalog.pg_backend_pid()";
        let row = connection.transaction().await.map_err(reading)?.query_one(tls, &[]).await.map_err(reading)?;
        let encrypted: bool = row.try_get(0).map_err(reading)?;
        let mut attempts = vec![Attempt::new(
            "a session of the application's own is looked at by the server",
            encrypted,
            if encrypted { "the server sees TLS" } else { "the server sees no TLS" },
        )];
        connection.close().await;

        attempts.push(match databases.connect_wrongly(name, Wrong::NoTls).await {
            Ok(()) => Attempt::new("a connection without TLS", false, "it worked"),
            Err(error) => match error.sqlstate() {
                Some(NO_RULE) => {
                    Attempt::new("a connection without TLS", true, format!("refused before any password ({NO_RULE})"))
                }
                Some(other) => {
                    Attempt::new("a connection without TLS", false, format!("the server went as far as a login ({other})"))
                }
                None => return Err(error),
            },
        });

        let stranger =
            tempfile::NamedTempFile::new().map_err(|error| Error::failed(format!("no temporary file: {}", error.kind())))?;
        std::fs::write(stranger.path(), strange_authority()?)
            .map_err(|error| Error::failed(format!("no temporary file: {}", error.kind())))?;
        attempts.push(match databases.connect_wrongly(name, Wrong::Authority(stranger.path())).await {
            Ok(()) => Attempt::new("a certificate from an unknown authority", false, "it was believed"),
            Err(error) if error.class() == Class::Database && !error.is_transient() => {
                Attempt::new("a certificate from an unknown authority", true, "not believed; no session, no password sent")
            }
            Err(error) => return Err(error),
        });

        let role = if name == db::LOCAL { db::local::ADMINISTRATOR } else { "postgres" };
        attempts.push(match databases.connect_wrongly(name, Wrong::Role(role)).await {
            Ok(()) => Attempt::new("the administrator's role over the network", false, "it was let in"),
            Err(error) if error.class() == Class::Denied => Attempt::new(
                "the administrator's role over the network",
                true,
                format!("refused ({})", error.sqlstate().unwrap_or("no SQLSTATE")),
            ),
            Err(error) => return Err(error),
        });
        Ok(attempts)
    }
}

fn reading(error: tokio_postgres::Error) -> Error {
    db::failure("asking the server about its TLS", error)
}

/// The PEM certificate of an authority that signed nothing.
fn strange_authority() -> Result<String> {
    rcgen::generate_simple_self_signed(["localhost".to_owned()])
        .map(|made| made.cert.pem())
        .map_err(|_| Error::internal("a certificate cannot be made"))
}
