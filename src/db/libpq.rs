//! The database that libpq's environment variables describe (PostgreSQL, "Environment Variables", "The Connection Service
//! File", "The Password File"). Verification cannot be weakened: `PGSSLMODE` is not read. It must not know who asks.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::path::PathBuf;

use super::connect::Target;
use crate::error::{Error, Result, why};
use crate::secrets::SecretRef;
use crate::sensitive::Sensitive;
use crate::text::holds_password;

/// How the environment is asked, so that tests need not change it.
type Variable<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// What is named in messages, so no place for a password.
const NAMED: [(&str, &str); 6] = [
    ("PGHOST", "host"),
    ("PGHOSTADDR", "hostaddr"),
    ("PGPORT", "port"),
    ("PGDATABASE", "dbname"),
    ("PGUSER", "user"),
    ("PGSSLROOTCERT", "sslrootcert"),
];

/// Does the environment name a server?
pub(super) fn is_configured(variable: Variable<'_>) -> bool {
    ["PGHOST", "PGSERVICE"].iter().any(|name| variable(name).is_some_and(|value| !value.is_empty()))
}

/// The server the environment names: `PGHOST`, `PGHOSTADDR`, `PGPORT`, `PGDATABASE`, `PGUSER`, `PGPASSWORD` (or
/// `PGPASSFILE`, `~/.pgpass`), `PGSSLROOTCERT` (or `~/.postgresql/root.crt`), each over what `PGSERVICE` says.
pub(super) fn target(variable: Variable<'_>) -> Result<Target> {
    let text = |name: &str| variable(name).filter(|value| !value.is_empty()).map(|value| value.to_string_lossy().into_owned());
    if text("PGSERVICE").is_some_and(|name| holds_password(&name)) {
        return Err(Error::usage("PGSERVICE holds a password").with_hint("it takes the name of a section of the service file"));
    }
    let service = text("PGSERVICE").map_or_else(|| Ok(BTreeMap::new()), |name| service(variable, &name))?;
    let setting = |name: &str, key: &str| text(name).or_else(|| service.get(key).cloned());
    for (name, key) in NAMED {
        if setting(name, key).is_some_and(|value| holds_password(&value)) {
            return Err(Error::usage(format!("{name} holds a password")).with_hint(
                "give the parts: PGHOST, PGPORT, PGDATABASE and PGUSER, and the password in PGPASSFILE or PGPASSWORD",
            ));
        }
    }
    let home = text("HOME").map(PathBuf::from);

    let host = setting("PGHOST", "host")
        .ok_or_else(|| Error::usage("no server is named").with_hint("set PGHOST, or PGSERVICE and a service file with a host"))?;
    let port = match setting("PGPORT", "port") {
        Some(port) => port.parse::<u16>().map_err(|cause| Error::usage("PGPORT is not a port number").with_source(cause))?,
        None => 5432,
    };
    let address = match setting("PGHOSTADDR", "hostaddr") {
        Some(address) => {
            Some(address.parse::<IpAddr>().map_err(|cause| Error::usage("PGHOSTADDR is not an IP address").with_source(cause))?)
        }
        None => None,
    };
    let user = setting("PGUSER", "user")
        .or_else(|| text("USER"))
        .ok_or_else(|| Error::usage("no role is named").with_hint("set PGUSER"))?;
    let name = setting("PGDATABASE", "dbname").unwrap_or_else(|| user.clone());
    let ca = match setting("PGSSLROOTCERT", "sslrootcert") {
        Some(system) if system == "system" => {
            return Err(
                Error::usage("PGSSLROOTCERT=system is not supported").with_hint("name the PEM file of the server's authority")
            );
        }
        Some(path) => PathBuf::from(path),
        None => home.as_ref().map(|home| home.join(".postgresql/root.crt")).filter(|path| path.is_file()).ok_or_else(|| {
            Error::database("no certificate authority is named, so the server cannot prove who it is")
                .with_hint("set PGSSLROOTCERT to the PEM file of the authority that signed the server's certificate")
        })?,
    };
    let password = match setting("PGPASSWORD", "password") {
        Some(password) => Sensitive::new(password),
        None => {
            let file = setting("PGPASSFILE", "passfile").map(PathBuf::from).or_else(|| home.map(|home| home.join(".pgpass")));
            let file = file.filter(|file| file.is_file());
            let lines = file.map(|file| SecretRef::File(file).read(&PathBuf::new())).transpose()?;
            lines.and_then(|lines| password(lines.expose(), [&host, &port.to_string(), &name, &user])).ok_or_else(|| {
                Error::usage(format!("no password is known for the role {user}")).with_hint("set PGPASSFILE or PGPASSWORD")
            })?
        }
    };
    Ok(Target { host, address, port, name, user, password, ca, ca_setting: "PGSSLROOTCERT".to_owned(), bound: false })
}

/// The settings of one service: `PGSERVICEFILE` or `~/.pg_service.conf`, then `pg_service.conf` in `PGSYSCONFDIR`.
fn service(variable: Variable<'_>, name: &str) -> Result<BTreeMap<String, String>> {
    let path = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let own = path("PGSERVICEFILE").or_else(|| path("HOME").map(|home| home.join(".pg_service.conf")));
    let system = path("PGSYSCONFDIR").unwrap_or_else(|| PathBuf::from("/etc/postgresql-common")).join("pg_service.conf");
    for path in own.into_iter().chain([system]) {
        let found = match std::fs::read_to_string(&path) {
            Ok(text) => section(&text, name),
            Err(absent) if absent.kind() == ErrorKind::NotFound => None,
            Err(cause) => {
                return Err(Error::usage(format!("the service file {} cannot be read: {}", path.display(), why(cause.kind())))
                    .with_hint("make it readable, or set PGSERVICEFILE to another one")
                    .with_source(cause));
            }
        };
        if let Some(settings) = found {
            return Ok(settings);
        }
    }
    Err(Error::usage(format!("no service file has a section [{name}]")).with_hint("set PGSERVICEFILE to the file that has it"))
}

/// One section of an INI file.
fn section(text: &str, name: &str) -> Option<BTreeMap<String, String>> {
    let head = format!("[{name}]");
    let mut lines =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).skip_while(|line| *line != head);
    lines.next()?;
    let body = lines.take_while(|line| !line.starts_with('['));
    Some(
        body.filter_map(|line| line.split_once('='))
            .map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
            .collect(),
    )
}

/// The password of the first line `host:port:database:role:password` that fits; `*` fits all, a backslash escapes.
fn password(lines: &str, wanted: [&str; 4]) -> Option<Sensitive<String>> {
    lines.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let mut fields = vec![String::new()];
        let mut characters = line.chars();
        while let Some(character) = characters.next() {
            let last = fields.last_mut()?;
            match character {
                '\\' => last.extend(characters.next()),
                ':' => fields.push(String::new()),
                other => last.push(other),
            }
        }
        let mut fields: Vec<Sensitive<String>> = fields.into_iter().map(Sensitive::new).collect();
        let fits = fields.len() == 5
            && fields.iter().zip(wanted).all(|(field, wanted)| field.expose() == "*" || field.expose() == wanted);
        if fits { fields.pop() } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::write_private;

    #[test]
    fn a_service_and_a_password_file_make_a_target() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(
            at("service"),
            "# c\n[other]\nhost=x\n\n[clinic]\nhost = db.example.org\ndbname=variants\nuser=loader\nport=5433\n",
        )
        .unwrap();
        write_private(&at("pass"), b"other:*:*:*:no\n*:5433:variants:loader:s3\\:cr\\\\et\n").unwrap();
        let pairs = [
            ("PGSERVICE", "clinic".into()),
            ("PGSERVICEFILE", at("service").into_os_string()),
            ("PGPASSFILE", at("pass").into_os_string()),
            ("PGSSLROOTCERT", "/ca.crt".into()),
            ("PGHOST", OsString::new()),
        ];
        let variable = |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone());
        assert!(is_configured(&variable));
        let target = target(&variable).unwrap();
        assert_eq!(
            (target.host.as_str(), target.port, target.name.as_str(), target.user.as_str()),
            ("db.example.org", 5433, "variants", "loader")
        );
        assert_eq!(target.password.expose(), "s3:cr\\et");
        assert!(!format!("{target:?}").contains("s3"));
    }

    #[test]
    fn a_service_file_that_cannot_be_read_is_no_missing_section() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = folder.path().join("bytes");
        std::fs::write(&bytes, b"[clinic]\nhost=\xff\n").unwrap();
        for unreadable in [folder.path(), &bytes] {
            let variable = |name: &str| match name {
                "PGSERVICE" => Some("clinic".into()),
                "PGSERVICEFILE" => Some(unreadable.as_os_str().to_owned()),
                _ => None,
            };
            let error = target(&variable).unwrap_err();
            assert!(error.to_string().contains("cannot be read"), "{error}");
            assert!(std::error::Error::source(&error).is_some());
        }
    }

    #[test]
    fn a_password_where_a_name_belongs_is_refused_and_not_told() {
        for wrong in ["PGHOST", "PGDATABASE", "PGUSER", "PGSERVICE", "PGSSLROOTCERT"] {
            let variable = |name: &str| match name {
                _ if name == wrong => Some("postgresql://u:s3cret@h/db".into()),
                "PGHOST" | "PGUSER" | "PGPASSWORD" | "PGSSLROOTCERT" => Some("x".into()),
                _ => None,
            };
            let error = target(&variable).unwrap_err();
            assert_eq!(error.class(), crate::error::Class::Usage);
            assert_eq!(error.to_string(), format!("{wrong} holds a password"));
            assert!(!error.hint().unwrap_or_default().contains("s3cret"));
        }
    }

    #[test]
    fn nothing_is_guessed() {
        assert!(!is_configured(&|_| None));
        let with = |pairs: &'static [(&str, &str)]| {
            target(&move |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into())).unwrap_err()
        };
        assert!(with(&[("PGHOST", "h"), ("PGUSER", "u"), ("PGPASSWORD", "p")]).hint().unwrap().contains("PGSSLROOTCERT"));
        assert!(with(&[("PGHOST", "h"), ("PGUSER", "u"), ("PGSSLROOTCERT", "/ca")]).hint().unwrap().contains("PGPASSFILE"));
        assert!(with(&[("PGHOST", "h"), ("PGPORT", "x"), ("PGUSER", "u")]).to_string().contains("PGPORT"));
        assert!(with(&[("PGSERVICE", "gone"), ("PGSERVICEFILE", "/nowhere")]).to_string().contains("[gone]"));
    }
}
