//! Health endpoints and, later, the admin and self-service pages.
