//! The one DataFusion session state that expressions are planned with. It must not know any table.

use std::sync::LazyLock;

use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::prelude::SessionConfig;

/// All functions of the enabled DataFusion features; identifiers keep their case; the dialect is one that has lambdas, so
/// that lists of calls can be searched.
pub(super) fn state() -> &'static SessionState {
    static STATE: LazyLock<SessionState> = LazyLock::new(|| {
        let config = SessionConfig::new()
            .set_bool("datafusion.sql_parser.enable_ident_normalization", false)
            .set_str("datafusion.sql_parser.dialect", "duckdb");
        SessionStateBuilder::new().with_config(config).with_default_features().build()
    });
    &STATE
}
