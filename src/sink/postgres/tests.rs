//! The sink against a real server.
