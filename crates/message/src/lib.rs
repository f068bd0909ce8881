//! RFC 5322 and MIME as the front-ends need them: envelope, body structure, part ranges, previews, text and HTML bodies.
