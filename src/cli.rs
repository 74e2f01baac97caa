//! Headless commands: the only writers to stdout and stderr.
