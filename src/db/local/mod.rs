//! The managed cluster: a private PostgreSQL made from the installed server programs. It must not know what is stored in it.
//!
//! Everything lies in the data home (`postgres` as a link to `/var/lib/genogate/clusters` when root calls and the server's
//! user cannot reach the data home):
//!
//! ```text
//! lock                 held while a cluster is started, stopped or deleted
//! keys/*.ring          development key rings                           0600, the caller's
//! app.password         password of the role genogate_app               0600, the caller's
//! app.pgpass           the same for psql                               0600, the caller's
//! tls/                 certificate authority; its key                  0600, the caller's
//! postgres/conf/       configuration, server certificate and key       the caller's, read by the server
//! postgres/{data,socket,log}   what the server itself writes           0700, the server's user
//! ```
//!
//! The server's user is the caller, or, when root calls, an unprivileged one (`user`). Nothing is ever written by root
//! into a folder which that user owns, so it cannot lead root elsewhere with a link.
//!
//! Why not the crate `postgresql_embedded`: it downloads a server build at first use (a clinical machine has no way out,
//! and the distribution patches the installed one), starts it as the calling user only, and speaks to it over
//! password-authenticated plain TCP. Of what it does only `initdb` and `pg_ctl` would remain.

mod binaries;
mod bootstrap;
mod certificates;
mod cluster;
mod server;
mod settings;
mod socket;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod user;

pub use binaries::server_version;
pub(crate) use cluster::only_its_owner;
pub use cluster::{Client, Cluster, DATABASE, Started, Status};
