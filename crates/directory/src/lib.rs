//! The organisation: accounts, addresses, credentials and sign-in.
