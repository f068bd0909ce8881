//! Marionette, Mozilla's remote control: JavaScript with all of a program's rights, over a socket.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, TcpStream},
    time::Duration,
};

use serde_json::{Value, json};

/// A session in the chrome context: scripts run as the program's own.
#[derive(Debug)]
pub struct Marionette {
    stream: TcpStream,
    count: u64,
}

impl Marionette {
    /// Connects and begins a session.
    pub fn connect(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(Duration::from_mins(1)))?;
        let mut session = Self { stream, count: 0 };
        let hello = session.packet()?;
        if hello["marionetteProtocol"] != 3 {
            return Err(io::Error::other(hello.to_string()));
        }
        session.command("WebDriver:NewSession", &json!({}))?;
        session.command("Marionette:SetContext", &json!({ "value": "chrome" }))?;
        Ok(session)
    }

    /// Calls a function that `script` defines; what it, or the promise that it returns, comes to.
    pub fn call(&mut self, script: &str, function: &str, arguments: &Value) -> io::Result<Value> {
        let parameters = json!({
            "script": format!("{script}\nreturn {function}(...arguments);"),
            "args": arguments,
            "sandbox": "system",
            "newSandbox": true,
            "scriptTimeout": 50_000,
        });
        let answer = self.command("WebDriver:ExecuteScript", &parameters)?;
        Ok(answer["value"].clone())
    }

    /// Has the program end.
    pub fn quit(mut self) -> io::Result<()> {
        self.command("Marionette:Quit", &json!({ "flags": ["eAttemptQuit"] }))?;
        Ok(())
    }

    fn command(&mut self, name: &str, parameters: &Value) -> io::Result<Value> {
        self.count += 1;
        let text = json!([0, self.count, name, parameters]).to_string();
        write!(self.stream, "{}:{text}", text.len())?;
        let answer = self.packet()?;
        if answer[0] != 1 || answer[1] != self.count || !answer[2].is_null() {
            return Err(io::Error::other(format!("{name}: {answer}")));
        }
        Ok(answer[3].clone())
    }

    /// `LENGTH:JSON`
    fn packet(&mut self) -> io::Result<Value> {
        let mut length = 0;
        loop {
            let mut octet = [0];
            self.stream.read_exact(&mut octet)?;
            match octet[0] {
                digit @ b'0'..=b'9' => length = length * 10 + usize::from(digit - b'0'),
                b':' => break,
                _ => return Err(io::ErrorKind::InvalidData.into()),
            }
        }
        let mut text = vec![0; length];
        self.stream.read_exact(&mut text)?;
        Ok(serde_json::from_slice(&text)?)
    }
}
