//! Finds the TCP sockets that a process group listens on, to check that no other machine can reach them.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use crate::{Error, Result};

/// `TCP_LISTEN` in the state column of `/proc/net/tcp`.
const LISTEN: &str = "0A";

/// Fails if a member of the process group listens on an address other than loopback.
///
/// Only Linux has `/proc/net/tcp`. On other systems the check prints that it is skipped.
pub fn check_loopback_only(name: &str, group: u32) -> Result<()> {
    if !Path::new("/proc/net/tcp").exists() {
        eprintln!(
            "!! SKIPPED the check that {name} listens on loopback only: this system has no /proc/net/tcp"
        );
        return Ok(());
    }
    let sockets = sockets_of_group(group);
    let mut listening = listening_sockets(&sockets);
    if listening.is_empty() {
        return Err(Error::Unreadable {
            what: format!("the listening sockets of {name}"),
            detail: format!("process group {group} has none"),
        });
    }
    listening.retain(|address| !is_loopback(address.ip()));
    if listening.is_empty() {
        return Ok(());
    }
    let addresses: Vec<String> = listening.iter().map(ToString::to_string).collect();
    Err(Error::Exposed {
        name: name.to_owned(),
        addresses: addresses.join(", "),
    })
}

/// The inodes of all sockets that members of the group have open.
fn sockets_of_group(group: u32) -> BTreeSet<String> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter(|process| {
            fs::read_to_string(process.path().join("stat"))
                .is_ok_and(|stat| group_in_stat(&stat) == Some(group))
        })
        .filter_map(|process| fs::read_dir(process.path().join("fd")).ok())
        .flat_map(Iterator::flatten)
        .filter_map(|descriptor| fs::read_link(descriptor.path()).ok())
        .filter_map(|target| {
            let target = target.to_str()?.strip_prefix("socket:[")?;
            Some(target.strip_suffix(']')?.to_owned())
        })
        .collect()
}

/// The process group in a line of `/proc/<pid>/stat`: `pid (name) state parent group ...`. The name may contain spaces and
/// parentheses.
fn group_in_stat(stat: &str) -> Option<u32> {
    let (_, after_name) = stat.rsplit_once(") ")?;
    after_name.split(' ').nth(2)?.parse().ok()
}

fn listening_sockets(inodes: &BTreeSet<String>) -> Vec<SocketAddr> {
    ["/proc/net/tcp", "/proc/net/tcp6"]
        .into_iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| {
            let rows = table.lines().filter_map(listening_socket);
            rows.map(|(address, inode)| (address, inode.to_owned()))
                .collect::<Vec<_>>()
        })
        .filter(|(_, inode)| inodes.contains(inode))
        .map(|(address, _)| address)
        .collect()
}

/// The local address and the inode in a row of `/proc/net/tcp` or `tcp6`, if that socket listens.
fn listening_socket(row: &str) -> Option<(SocketAddr, &str)> {
    let columns: Vec<&str> = row.split_whitespace().collect();
    if *columns.get(3)? != LISTEN {
        return None;
    }
    let (address, port) = columns.get(1)?.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    // The kernel prints each 32-bit word of the address as a number of the machine's byte order.
    let words: Vec<u32> = (0..address.len() / 8)
        .map(|word| u32::from_str_radix(&address[word * 8..word * 8 + 8], 16).ok())
        .collect::<Option<_>>()?;
    let bytes: Vec<u8> = words.into_iter().flat_map(u32::to_ne_bytes).collect();
    let ip = match <[u8; 4]>::try_from(bytes.as_slice()) {
        Ok(v4) => IpAddr::V4(Ipv4Addr::from(v4)),
        Err(_) => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?)),
    };
    Some((SocketAddr::new(ip, port), columns.get(9)?))
}

fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

#[cfg(all(test, target_endian = "little"))]
mod tests {
    use super::*;

    #[test]
    fn listening_row_gives_address_and_inode() {
        let row = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 31337 1";
        let (address, inode) = listening_socket(row).unwrap();
        assert_eq!(address, "127.0.0.1:8080".parse().unwrap());
        assert_eq!(inode, "31337");
        assert_eq!(listening_socket(&row.replace(" 0A ", " 01 ")), None);
    }

    #[test]
    fn mapped_ipv4_loopback_is_loopback_and_any_is_not() {
        let row = |address: &str| {
            format!(
                "0: {address}:0050 {}:0000 0A 0:0 00:0 0 0 0 7 1",
                "0".repeat(32)
            )
        };
        let ip = |address: &str| listening_socket(&row(address)).unwrap().0.ip();
        assert!(is_loopback(ip("0000000000000000FFFF00000100007F")));
        assert!(is_loopback(ip("00000000000000000000000001000000")));
        assert!(!is_loopback(ip(&"0".repeat(32))));
        assert!(!is_loopback(ip("00000000")));
    }

    #[test]
    fn group_is_read_after_a_name_with_parentheses() {
        assert_eq!(group_in_stat("7 (a) b) S 1 42 42 0"), Some(42));
    }
}
