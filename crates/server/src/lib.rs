//! The fieldpost binary: configuration, listeners, TLS, signals, control socket, command line.
