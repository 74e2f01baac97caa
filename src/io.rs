//! The shell: sockets, files, terminal, clock. Imported only by `main` and `cli`.
