//! The one visible list of sources, stages and sinks: `Kind(its configuration)`. A component that is not named here does not
//! exist; one that is has its key in pipeline files (the kind in snake case), its part of the JSON Schema and of the reference,
//! and is built by its configuration. It must not know pipelines.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::flow::{SinkConfig, SourceConfig, StageConfig};
use crate::sink::{parquet, postgres};
use crate::source::vcf;
use crate::stage::{anonymize, detect, encrypt, expr, normalize, sanitize};

/// An enum of configurations, one a kind, and the way from each to what it builds.
macro_rules! components {
    ($(#[$about:meta])* $name:ident, $builds:ident: $($kind:ident($config:ty),)+) => {
        $(#[$about])*
        #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case", deny_unknown_fields)]
        pub enum $name {
            $($kind($config),)+
        }

        impl $name {
            /// The configuration, as what it builds.
            pub fn config(&self) -> &dyn $builds {
                match self {
                    $(Self::$kind(config) => config,)+
                }
            }
        }
    };
}

components! {
    /// Where records come from.
    SourceSpec, SourceConfig:
    Vcf(vcf::Config),
}

components! {
    /// One step between source and sink.
    StageSpec, StageConfig:
    Normalize(normalize::Config),
    Sanitize(sanitize::Config),
    Detect(detect::Config),
    Anonymize(anonymize::Config),
    Encrypt(encrypt::Config),
    Filter(expr::Filter),
    Derive(expr::Derive),
    Select(expr::Select),
}

components! {
    /// Where rows go.
    SinkSpec, SinkConfig:
    Postgres(postgres::Config),
    Parquet(parquet::Config),
}
