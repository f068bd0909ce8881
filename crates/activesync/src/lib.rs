//! Exchange ActiveSync front-end.
