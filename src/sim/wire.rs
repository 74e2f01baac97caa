//! (contract skeleton)
