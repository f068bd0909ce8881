//! The core: one account's folders, items, flags, change log, watch and quota.
