//! Mail on its way: recipients, local delivery and its hooks.
