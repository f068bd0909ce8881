//! What real clients do that breaks servers, one test a point of the list of client quirks: A is all clients, B iOS, C
//! Android.

mod android;
mod everybody;
mod ios;
