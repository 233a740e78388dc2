//! What the tests share: the binary, and a managed database of their own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// The built binary, or the one that `GENOGATE_TEST_BINARY` names.
pub fn binary() -> &'static str {
    static NAMED: OnceLock<Option<String>> = OnceLock::new();
    NAMED.get_or_init(|| std::env::var("GENOGATE_TEST_BINARY").ok()).as_deref().unwrap_or(env!("CARGO_BIN_EXE_genogate"))
}

/// A folder of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// What a command did.
#[derive(Debug)]
pub struct Done {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Done {
    /// The JSON object on standard output.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("not one JSON object ({error}): {self:#?}"))
    }

    /// Fails the test unless the command ended with `code`.
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    /// Fails the test unless it was a load that was stopped and said how it goes on.
    pub fn expect_interrupted(self) -> Self {
        let done = self.expect(1);
        let error = done.json()["error"].clone();
        assert_eq!(error["class"], "interrupted", "{error}");
        assert!(error["hint"].as_str().unwrap().contains("run the same command again"), "{error}");
        done
    }
}

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// A command of the binary without anything of the caller's environment that could change what it does.
pub fn genogate(home: &Path) -> Command {
    let mut command = Command::new(binary());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if (text.starts_with("PG") || text.starts_with("GENOGATE_")) && text != "GENOGATE_PG_BIN" && text != "GENOGATE_DB_USER" {
            command.env_remove(&name);
        }
    }
    command.env("GENOGATE_HOME", home).stdin(Stdio::null());
    command
}

/// A managed database with everything it needs in a folder of its own; stopped when the test process ends, however it ends.
pub struct Warehouse {
    pub home: PathBuf,
    _guard: Child,
}

impl Warehouse {
    /// A fresh one: a running copy of a cluster that is made, migrated and stopped once per test process, with a port and
    /// certificates of its own.
    pub fn start() -> Self {
        static MADE: OnceLock<Warehouse> = OnceLock::new();
        let made = MADE.get_or_init(|| {
            let made = Self::guarded();
            made.run(["db", "start"]).expect(0);
            made.run(["db", "stop"]).expect(0);
            for own in ["tls", "postgres/conf"] {
                std::fs::remove_dir_all(made.home.join(own)).unwrap();
            }
            std::fs::remove_file(made.home.join("postgres/port")).unwrap();
            made
        });
        let copy = Self::guarded();
        let copied = Command::new("cp").args(["-a", "--reflink=auto"]).args([&made.home, &copy.home]).status().unwrap();
        assert!(copied.success());
        copy.run(["db", "start"]).expect(0);
        copy
    }

    /// A folder for one, which the guard clears when this process has ended.
    fn guarded() -> Self {
        let folder = tempfile::Builder::new().prefix("genogate-test-").tempdir().unwrap().keep();
        // The database's user must be able to reach its folder.
        std::fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let home = folder.join("home");
        // No checkpoint for files that go at once.
        let script = r#"cat >/dev/null; pid=$(head -n 1 "$1/home/postgres/data/postmaster.pid" 2>/dev/null) && kill -QUIT "$pid"
            while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done; rm -rf "$1""#;
        let guard = Command::new("sh").args(["-c", script, "sh"]).arg(&folder).stdin(Stdio::piped()).spawn().unwrap();
        Self { home, _guard: guard }
    }

    /// The one that tests share when they do not stop or break it.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Warehouse> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Runs the binary against it.
    pub fn run<I: AsRef<std::ffi::OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> Done {
        genogate(&self.home).args(arguments).output().unwrap().into()
    }

    /// One SQL statement as the cluster's administrator; unaligned rows without a header.
    pub fn sql(&self, statement: &str) -> String {
        let done = self.run(["db", "shell", "--", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement]).expect(0);
        done.stdout.trim().to_owned()
    }

    /// One SQL statement with the application's own credentials.
    pub fn app_sql(&self, statement: &str) -> Done {
        self.run(["db", "shell", "--app", "--", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement])
    }
}

/// Every visible row: its columns but for the load's own numbers, and for what views derive from a genotype's text.
pub const ROWS: &str = "\
    SELECT count(*), sum(hashtextextended(r, 0)) FROM (
      SELECT replace(v::text, load_id::text || ',' || variant_id, (variant_id & (1::bigint << 41) - 1)::text) FROM genogate.variants v
      UNION ALL
      SELECT ROW(variant_id & (1::bigint << 41) - 1, contig, input, sample_index, sample_id, gt, format)::text FROM genogate.calls
    ) all_rows (r)";

/// Sends a running command a signal, such as `-TERM`.
pub fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

/// What a running command has done when it is over.
pub fn end(child: Child) -> Done {
    child.wait_with_output().unwrap().into()
}
