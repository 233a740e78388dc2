//! A server that nobody but the test manages, set up as docs/own-server.md says, and the blocks of that page run against it.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::support::{Done, binary, genogate, repository};

/// Programs of the server, and who may run them: root may not.
struct Server {
    folder: PathBuf,
    port: u16,
    programs: PathBuf,
}

impl Server {
    fn start(folder: &Path) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Self { folder: folder.join("server"), port, programs: programs() };
        std::fs::create_dir(&server.folder).unwrap();
        if nix::unistd::geteuid().is_root() {
            let user = nix::unistd::User::from_name("postgres").unwrap().expect("the server's package makes this user");
            nix::unistd::chown(&server.folder, Some(user.uid), Some(user.gid)).unwrap();
        }
        server.run("initdb", "-D data -U postgres --auth-local=trust --auth-host=reject -E UTF8 --no-sync");
        let (authority, certificate, key) = certificates();
        std::fs::write(folder.join("ca.crt"), authority).unwrap();
        server.put("server.crt", &certificate);
        server.put("server.key", &key);
        let page = page();
        let settings = page.split("\n```ini\n").nth(1).unwrap().split("\n```").next().unwrap();
        let own = format!("\nport = {port}\nunix_socket_directories = '{}'\nfsync = off\n", server.folder.display());
        let whole = std::fs::read_to_string(server.folder.join("data/postgresql.conf")).unwrap() + "\n" + settings + &own;
        server.put("postgresql.conf", &whole);
        let rules = page.split("\n```text\n").nth(1).unwrap().split("\n```").next().unwrap();
        server.put("pg_hba.conf", &format!("local all all trust\n{rules}\n"));
        server.run("pg_ctl", "-D data -l log -w start");
        server
    }

    /// Runs a program of the server in its folder, as its user.
    fn run(&self, program: &str, arguments: &str) {
        let line = format!("cd {} && {}/{program} {arguments} >out 2>&1", self.folder.display(), self.programs.display());
        let mut command = match nix::unistd::geteuid().is_root() {
            true => Command::new("su"),
            false => Command::new("sh"),
        };
        match nix::unistd::geteuid().is_root() {
            true => command.args(["-s", "/bin/sh", "-c", &line, "postgres"]),
            false => command.args(["-c", &line]),
        };
        let done = command.status().unwrap();
        let said = std::fs::read_to_string(self.folder.join("out")).unwrap_or_default();
        assert!(done.success(), "{program}: {said}");
    }

    /// A file of the data folder, the server's user's alone.
    fn put(&self, name: &str, text: &str) {
        let path = self.folder.join("data").join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let owner = std::os::unix::fs::MetadataExt::uid(&self.folder.metadata().unwrap());
        nix::unistd::chown(&path, Some(owner.into()), None).unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.run("pg_ctl", "-D data -m immediate stop");
    }
}

fn programs() -> PathBuf {
    if let Some(named) = std::env::var_os("GENOGATE_PG_BIN") {
        return named.into();
    }
    let mut found: Vec<PathBuf> = glob::glob("/usr/lib/postgresql/*/bin").unwrap().map(Result::unwrap).collect();
    found.sort();
    found.pop().expect("PostgreSQL's server programs are installed")
}

/// An authority, and a certificate of it for `localhost` with its key.
fn certificates() -> (String, String, String) {
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let mut about = rcgen::CertificateParams::new(Vec::new()).unwrap();
    about.distinguished_name.push(rcgen::DnType::CommonName, "the clinic's authority");
    about.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = about.self_signed(&authority_key).unwrap();
    let issuer = rcgen::Issuer::new(about, authority_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    (authority.pem(), certificate.pem(), key.serialize_pem())
}

fn page() -> String {
    std::fs::read_to_string(repository("docs/own-server.md")).unwrap()
}

/// The page's blocks for the server or for a client, with its words for the place of the server replaced.
fn blocks(whose: &str, port: u16) -> Vec<String> {
    let page = page();
    let fence = format!("\n```bash {whose}\n");
    let found = page.split(&fence).skip(1).map(|rest| rest.split("\n```").next().unwrap());
    found.map(|block| here(block, port)).collect()
}

fn here(text: &str, port: u16) -> String {
    text.replace("db.example.org", "localhost").replace("5432", &port.to_string())
}

fn private(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn the_page_is_right_from_the_first_line_to_the_last() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let server = Server::start(folder.path());
    private(&at("admin.password"), "adm1n-of-the-clinic");
    private(&at("app.password"), "appl1cation");
    let home = at("home");
    genogate(&home).args(["synth", "cohort", "--records", "50", "--seed", "3", "-o"]).arg(at("c.vcf")).status().unwrap();
    std::fs::create_dir(at("cohort")).unwrap();
    let compressed = ["synth", "cohort", "--records", "50", "--seed", "3", "-o"];
    assert!(genogate(&home).args(compressed).arg(at("cohort/c.vcf.gz")).status().unwrap().success());
    // Any ring will do.
    private(
        &at("vault.ring"),
        &std::fs::read_to_string(super::support::Warehouse::shared().home.join("keys/vault.ring")).unwrap(),
    );
    let pipeline = page().split("\n```yaml\n").nth(1).unwrap().split("\n```").next().unwrap().to_owned();
    std::fs::write(at("clinic.yaml"), here(&pipeline, server.port)).unwrap();
    std::os::unix::fs::symlink(binary(), at("genogate")).unwrap();
    let path = format!("{}:{}:{}", folder.path().display(), server.programs.display(), std::env::var("PATH").unwrap());
    let run = |block: &str, variables: &[(&str, &str)]| {
        let mut command = Command::new("bash");
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PG")) {
            command.env_remove(name);
        }
        command.args(["-euc", block]).current_dir(folder.path()).envs(variables.iter().copied());
        let done = Done::from(command.env("PATH", &path).env("GENOGATE_HOME", &home).output().unwrap());
        assert_eq!(done.code, 0, "{block}\n{}\n{}", done.stdout, done.stderr);
        done
    };
    let (socket, port) = (server.folder.to_str().unwrap().to_owned(), server.port.to_string());
    let superuser = [("PGHOST", socket.as_str()), ("PGPORT", port.as_str()), ("PGUSER", "postgres")];
    let of_server = blocks("server", server.port);
    assert_eq!(of_server.len(), 1);
    run(&of_server.concat(), &superuser);
    let of_client = blocks("client", server.port);
    assert_eq!(of_client.len(), 3);
    let mut said = of_client.iter().map(|block| run(block, &[]));
    let (made, used, by_variables) = (said.next().unwrap(), said.next().unwrap(), said.next().unwrap());
    assert!(made.stdout.contains("applied V1__roles"), "{}", made.stdout);
    for line in ["ok    tls", "ok    migrations        current", "complete: load ", "clinic"] {
        assert!(used.stdout.contains(line), "{line}: {}", used.stdout);
    }
    for managed in ["managed database", "server programs"] {
        assert!(!used.stdout.contains(managed) && !by_variables.stdout.contains(managed), "{managed}: {}", used.stdout);
    }
    assert!(
        by_variables.stdout.contains("the views are there") && by_variables.stdout.contains("clinic"),
        "{}",
        by_variables.stdout
    );
    assert!(!home.join("postgres").exists(), "no cluster of ours was made");
}
