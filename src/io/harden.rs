//! Protects the memory of a process that holds tokens: no core dump, no reading by the owner's other processes.

use std::sync::Once;

/// Forbids core dumps from now on. Called whenever the first secret is read; further calls cost nothing.
pub fn no_core_dumps() {
    static ONCE: Once = Once::new();
    ONCE.call_once(forbid);
}

#[cfg(unix)]
fn forbid() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    if let Err(error) = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }) {
        tracing::warn!("core dumps cannot be limited: {error}");
    }
    // The limit does not apply to dumps piped to a collector; this does, and also keeps debuggers out.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable) {
        tracing::warn!("the process cannot be made undumpable: {error}");
    }
}

#[cfg(not(unix))]
fn forbid() {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_secrets_leaves_no_core() {
        no_core_dumps();
        let limit = rustix::process::getrlimit(rustix::process::Resource::Core);
        assert_eq!((limit.current, limit.maximum), (Some(0), Some(0)));
        let dumpable = rustix::process::dumpable_behavior().unwrap();
        assert_eq!(dumpable, rustix::process::DumpableBehavior::NotDumpable);
    }
}
