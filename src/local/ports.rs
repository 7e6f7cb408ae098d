//! Free ports on the loopback interface.

use std::net::{Ipv4Addr, TcpListener};

use super::error::{LocalError, LocalResult};

/// Finds free ports, all different. Another process may take one before it is used, so a
/// caller that starts a server on it must be ready to try again with another.
pub fn free<const N: usize>() -> LocalResult<[u16; N]> {
    // All are held until all are found: otherwise the same one could be found twice.
    let mut held = Vec::with_capacity(N);
    let mut ports = [0; N];
    for port in &mut ports {
        let failed = |source| LocalError::Io {
            doing: "looking for a free port on 127.0.0.1".into(),
            source,
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed)?;
        *port = listener.local_addr().map_err(failed)?.port();
        held.push(listener);
    }
    Ok(ports)
}

#[cfg(test)]
mod tests {
    #[test]
    fn they_differ_and_can_be_bound() {
        let ports = super::free::<8>().unwrap();
        for (index, port) in ports.iter().enumerate() {
            assert!(!ports[..index].contains(port), "{port} twice");
            std::net::TcpListener::bind(("127.0.0.1", *port)).unwrap();
        }
    }
}
