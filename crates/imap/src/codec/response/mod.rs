//! Responses, written behind one another into the connection's buffer.
