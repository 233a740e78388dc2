//! The one error every room ends in: what happened, where, what to do, and which exit code that means.
//! It must not know any room; rooms keep their own enums where somebody matches on them and turn into this at the boundary.

use std::borrow::Cow;
use std::fmt;

use datafusion::error::DataFusionError;
use uuid::Uuid;

/// Result of every room's public functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of failure this is; the process's exit code follows from it and from nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The work started and failed for a reason of its own (disk full, statement refused).
    Failed,
    /// Ctrl-C, SIGTERM or a cancelled parent.
    Interrupted,
    /// Command line or pipeline file.
    Usage,
    /// Protected health information stopped the flow.
    Phi,
    /// A digest, a signature, a chain or an accounting identity does not hold.
    Integrity,
    /// Not permitted: a grant is missing, or the database refused the password.
    Denied,
    /// The input file is missing, damaged or not what it claims to be.
    Input,
    /// The database cannot be reached or cannot be trusted (TLS).
    Database,
    /// A bug in genogate.
    Internal,
}

impl Class {
    /// The exit code of the command line (design: 0 done, 1 failed or interrupted, 2 usage, 3 PHI, 4 integrity,
    /// 5 not permitted, 6 bad input, 7 database unreachable or untrusted).
    pub fn exit_code(self) -> u8 {
        match self {
            Class::Failed | Class::Interrupted | Class::Internal => 1,
            Class::Usage => 2,
            Class::Phi => 3,
            Class::Integrity => 4,
            Class::Denied => 5,
            Class::Input => 6,
            Class::Database => 7,
        }
    }
}

/// Why a file cannot be used, as people say it.
pub fn why(kind: std::io::ErrorKind) -> Cow<'static, str> {
    use std::io::ErrorKind;
    match kind {
        ErrorKind::NotFound => "no such file".into(),
        ErrorKind::PermissionDenied => "permission denied".into(),
        ErrorKind::IsADirectory => "it is a folder".into(),
        ErrorKind::NotADirectory => "a part of its path is no folder".into(),
        ErrorKind::InvalidData => "it is not text in UTF-8".into(),
        kind => kind.to_string().into(),
    }
}

/// A failure. `Display` prints what happened and where; [`Error::hint`] says what to do.
///
/// Neither ever holds a cell's value, a secret or a database DETAIL: they reach logs, reports and audit rows.
pub struct Error(Box<Inner>);

struct Inner {
    class: Class,
    message: Cow<'static, str>,
    hint: Option<Cow<'static, str>>,
    transient: bool,
    sqlstate: Option<String>,
    load: Option<Uuid>,
    input: Option<u32>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

macro_rules! constructors {
    ($($name:ident => $class:ident),* $(,)?) => {$(
        #[doc = concat!("An error of class [`Class::", stringify!($class), "`].")]
        pub fn $name(message: impl Into<Cow<'static, str>>) -> Self {
            Self::new(Class::$class, message)
        }
    )*};
}

impl Error {
    /// An error of `class` that says `message`.
    pub fn new(class: Class, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            class,
            message: message.into(),
            hint: None,
            transient: false,
            sqlstate: None,
            load: None,
            input: None,
            source: None,
        }))
    }

    constructors! {
        failed => Failed, interrupted => Interrupted, usage => Usage, phi => Phi, integrity => Integrity,
        denied => Denied, input => Input, database => Database, internal => Internal,
    }

    /// A file that an option names cannot be read: where it is not there the command line is wrong, else the file.
    pub fn named_file(what: impl fmt::Display, error: &std::io::Error) -> Self {
        let class = if error.kind() == std::io::ErrorKind::NotFound { Class::Usage } else { Class::Input };
        Self::new(class, format!("{what} cannot be read: {}", why(error.kind())))
    }

    /// Adds what the reader should do next.
    pub fn with_hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Marks the failure as one that the same call may survive later (a dropped connection, a deadlock).
    pub fn transient(mut self) -> Self {
        self.0.transient = true;
        self
    }

    /// Records the SQLSTATE (PostgreSQL appendix A) a database error carried.
    pub fn with_sqlstate(mut self, code: impl Into<String>) -> Self {
        self.0.sqlstate = Some(code.into());
        self
    }

    /// Keeps the cause for `source()`. The cause's own text must be free of values too.
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Puts `place: ` before the message, keeping class and hint.
    pub fn at(mut self, place: impl fmt::Display) -> Self {
        self.0.message = format!("{place}: {}", self.0.message).into();
        self
    }

    /// Says that it is about an input, by number from 1: `input 3: …`.
    pub fn at_input(self, number: u32) -> Self {
        let mut error = self.at(format_args!("input {number}"));
        error.0.input = Some(number);
        error
    }

    /// Says which load it is about.
    pub fn of_load(mut self, load: Uuid) -> Self {
        self.0.load = Some(load);
        self
    }

    /// The failure's class.
    pub fn class(&self) -> Class {
        self.0.class
    }

    /// What to do about it, when there is something.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The input it is about, from 1, when it is about one.
    pub fn input_number(&self) -> Option<u32> {
        self.0.input
    }

    /// The load it is about.
    pub fn load_id(&self) -> Option<Uuid> {
        self.0.load
    }

    /// True when a retry may succeed.
    pub fn is_transient(&self) -> bool {
        self.0.transient
    }

    /// The SQLSTATE, when a database said one.
    pub fn sqlstate(&self) -> Option<&str> {
        self.0.sqlstate.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("class", &self.0.class)
            .field("message", &self.0.message)
            .field("hint", &self.0.hint)
            .finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|e| e as _)
    }
}

impl From<Error> for DataFusionError {
    fn from(error: Error) -> Self {
        DataFusionError::External(Box::new(error))
    }
}

impl From<DataFusionError> for Error {
    /// Finds our own error inside DataFusion's wrappings; anything else is an internal failure, told without its values.
    fn from(error: DataFusionError) -> Self {
        match error {
            DataFusionError::External(inner) => match inner.downcast::<Error>() {
                Ok(ours) => *ours,
                Err(other) => Error::internal("the query engine failed").with_source(other),
            },
            DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => Error::from(*inner),
            DataFusionError::Shared(shared) => match std::sync::Arc::try_unwrap(shared) {
                Ok(inner) => Error::from(inner),
                Err(shared) => copy_of(&shared),
            },
            DataFusionError::ArrowError(inner, _) => Error::from(*inner),
            DataFusionError::ResourcesExhausted(_) => Error::failed("the query engine ran out of memory"),
            other => Error::internal(format!("the query engine failed ({})", variant_name(&other))),
        }
    }
}

impl From<datafusion::arrow::error::ArrowError> for Error {
    /// Arrow's messages may quote values (a failed cast does), so only the kind is kept.
    fn from(error: datafusion::arrow::error::ArrowError) -> Self {
        use datafusion::arrow::error::ArrowError;
        match error {
            ArrowError::ExternalError(inner) => match inner.downcast::<Error>() {
                Ok(ours) => *ours,
                Err(inner) => match inner.downcast::<DataFusionError>() {
                    Ok(df) => Error::from(*df),
                    Err(_) => Error::internal("an Arrow kernel failed"),
                },
            },
            ArrowError::MemoryError(_) => Error::failed("out of memory"),
            ArrowError::CastError(_) | ArrowError::ParseError(_) => {
                Error::failed("a value does not fit the type an expression asks for")
                    .with_hint("TRY_CAST(… AS …) gives null where CAST(… AS …) fails")
            }
            ArrowError::DivideByZero => Error::failed("an expression divides by zero"),
            ArrowError::ArithmeticOverflow(_) => Error::failed("an expression overflows"),
            _ => Error::internal("an Arrow kernel failed"),
        }
    }
}

/// A second copy of an error that another partition also holds.
fn copy_of(shared: &DataFusionError) -> Error {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(shared);
    while let Some(error) = cause {
        if let Some(ours) = error.downcast_ref::<Error>() {
            let inner = &ours.0;
            return Error(Box::new(Inner {
                class: inner.class,
                message: inner.message.clone(),
                hint: inner.hint.clone(),
                transient: inner.transient,
                sqlstate: inner.sqlstate.clone(),
                load: inner.load,
                input: inner.input,
                source: None,
            }));
        }
        cause = error.source();
    }
    Error::internal("the query engine failed")
}

fn variant_name(error: &DataFusionError) -> &'static str {
    match error {
        DataFusionError::Plan(_) => "planning",
        DataFusionError::SchemaError(..) => "schema",
        DataFusionError::Execution(_) => "execution",
        DataFusionError::ExecutionJoin(_) => "a task was cancelled or panicked",
        DataFusionError::IoError(_) => "input or output",
        _ => "internal",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_error_survives_a_trip_through_the_engine() {
        let ours = Error::input("truncated").with_hint("copy it again");
        let wrapped = DataFusionError::Context("partition 3".into(), Box::new(DataFusionError::from(ours)));
        let back = Error::from(wrapped);
        assert_eq!((back.class(), back.to_string().as_str(), back.hint()), (Class::Input, "truncated", Some("copy it again")));
    }

    #[test]
    fn a_shared_error_keeps_its_class() {
        let shared = std::sync::Arc::new(DataFusionError::from(Error::phi("found")));
        let _other = shared.clone();
        assert_eq!(Error::from(DataFusionError::Shared(shared)).class(), Class::Phi);
    }

    #[test]
    fn a_foreign_error_is_told_without_its_text() {
        let foreign = DataFusionError::Execution("cannot cast 'MRN12345'".into());
        assert!(!format!("{}", Error::from(foreign)).contains("MRN"));
    }
}
