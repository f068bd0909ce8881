//! Opening sockets: TCP with a backlog and IPv6 kept apart from IPv4, Unix sockets with their permission bits.

use std::{
    io,
    net::SocketAddr,
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        net::UnixStream as StdUnixStream,
    },
    path::{Path, PathBuf},
};

use fieldpost_connection::Peer;
use socket2::{Domain, Protocol, Socket as RawSocket, Type};
use tokio::net::{TcpListener, UnixListener};

use super::AcceptedSocket;
use crate::{config::Endpoint, error::ListenError};

/// A listening socket.
pub enum Socket {
    /// TCP.
    Tcp(TcpListener, SocketAddr),
    /// A Unix socket, its path and its inode there.
    Unix(UnixListener, PathBuf, u64),
}

impl Socket {
    /// Listens on a TCP address. IPv6 sockets take IPv6 only, so that `[::]` and `0.0.0.0` can stand side by side.
    pub fn tcp(address: SocketAddr, backlog: u32) -> Result<Self, ListenError> {
        let open = || -> io::Result<(TcpListener, SocketAddr)> {
            let socket = bound(address)?;
            socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
            let listener = TcpListener::from_std(socket.into())?;
            let address = listener.local_addr()?;
            Ok((listener, address))
        };
        let (listener, address) = open().map_err(|source| ListenError::Refused {
            endpoint: address.to_string(),
            source,
        })?;
        Ok(Self::Tcp(listener, address))
    }

    /// Listens on a Unix socket. It appears under `path` with its permission bits set already: it is made beside it
    /// and renamed, so that there is no moment in which anybody may connect. That also replaces a socket that a killed
    /// server left behind; one that somebody answers on is not touched.
    pub fn unix(path: &Path, mode: u32, backlog: u32) -> Result<Self, ListenError> {
        if StdUnixStream::connect(path).is_ok() {
            return Err(ListenError::Taken {
                path: path.to_owned(),
            });
        }
        let beside = path.with_extension(format!("new-{}", std::process::id()));
        let open = || -> io::Result<(UnixListener, u64)> {
            if let Ok(metadata) = std::fs::symlink_metadata(path) {
                use std::os::unix::fs::FileTypeExt;
                if !metadata.file_type().is_socket() {
                    return Err(io::Error::new(
                        io::ErrorKind::AlreadyExists,
                        "there is a file of that name, and it is no socket",
                    ));
                }
            }
            drop(std::fs::remove_file(&beside));
            let socket = RawSocket::new(Domain::UNIX, Type::STREAM, None)?;
            socket.set_nonblocking(true)?;
            socket.bind(&socket2::SockAddr::unix(&beside)?)?;
            std::fs::set_permissions(&beside, std::fs::Permissions::from_mode(mode))?;
            socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
            std::fs::rename(&beside, path)?;
            let inode = std::fs::symlink_metadata(path)?.ino();
            Ok((UnixListener::from_std(socket.into())?, inode))
        };
        let (listener, inode) = open().map_err(|source| {
            drop(std::fs::remove_file(&beside));
            ListenError::Refused {
                endpoint: format!("unix:{}", path.display()),
                source,
            }
        })?;
        Ok(Self::Unix(listener, path.to_owned(), inode))
    }

    /// Where it listens.
    pub fn endpoint(&self) -> Endpoint {
        match self {
            Self::Tcp(_, address) => Endpoint::Tcp(*address),
            Self::Unix(_, path, _) => Endpoint::Unix(path.clone()),
        }
    }

    /// Takes the next connection.
    pub async fn accept(&self) -> io::Result<(AcceptedSocket, Peer, Option<SocketAddr>)> {
        match self {
            Self::Tcp(listener, address) => {
                let (stream, peer) = listener.accept().await?;
                // Our answers are whole when they are written: waiting for more would only cost time.
                drop(stream.set_nodelay(true));
                let local = stream.local_addr().unwrap_or(*address);
                Ok((AcceptedSocket::Tcp(stream), Peer::Inet(peer), Some(local)))
            }
            Self::Unix(listener, _, _) => {
                let (stream, _) = listener.accept().await?;
                let uid = stream.peer_cred().ok().map(|credentials| credentials.uid());
                Ok((AcceptedSocket::Unix(stream), Peer::Unix(uid), None))
            }
        }
    }

    /// Takes the path of a Unix socket away, unless somebody else has put another there.
    pub fn remove(self) {
        if let Self::Unix(listener, path, inode) = self {
            drop(listener);
            if std::fs::symlink_metadata(&path).is_ok_and(|now| now.ino() == inode) {
                drop(std::fs::remove_file(&path));
            }
        }
    }
}

/// Whether a TCP address could be listened on, without listening on it.
pub fn try_tcp(address: SocketAddr) -> Result<(), ListenError> {
    bound(address)
        .map(drop)
        .map_err(|source| ListenError::Refused {
            endpoint: address.to_string(),
            source,
        })
}

fn bound(address: SocketAddr) -> io::Result<RawSocket> {
    let socket = RawSocket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}
