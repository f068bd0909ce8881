//! The SMTP wire: LMTP in; later submission in and the relay's client side.
