//! The one line on standard output that scripts wait for: the node serves, and where.

use std::fmt;
use std::io::{self, Write};
use std::net::SocketAddr;

/// What a node that has begun to serve tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadyLine {
    /// Where the APIs are served, with the port that the system chose.
    pub gateway: SocketAddr,
    /// Where the control API is served.
    pub control: SocketAddr,
    /// Where other nodes reach this one.
    pub cluster: SocketAddr,
    /// The node's name, which holds no spaces.
    pub node: String,
}

impl fmt::Display for ReadyLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "ready gateway={} control={} cluster={} node={}",
            self.gateway, self.control, self.cluster, self.node
        )
    }
}

impl ReadyLine {
    /// Prints the line in one write, so that a reader never sees half of it.
    ///
    /// # Errors
    /// Nobody reads the output any more; a node goes on serving then.
    pub fn print(&self, output: &mut impl Write) -> io::Result<()> {
        output.write_all(format!("{self}\n").as_bytes())?;
        output.flush()
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        reason = "a test fails by panicking where it went wrong"
    )]

    use super::*;

    #[test]
    fn the_line_names_all_addresses_and_the_node() {
        let line = ReadyLine {
            gateway: "0.0.0.0:8080".parse().unwrap(),
            control: "127.0.0.1:8081".parse().unwrap(),
            cluster: "[::1]:8082".parse().unwrap(),
            node: "node-0a1b2c3d".to_owned(),
        };
        let mut output = Vec::new();
        line.print(&mut output).unwrap();
        assert_eq!(
            String::from_utf8(output).unwrap(),
            "ready gateway=0.0.0.0:8080 control=127.0.0.1:8081 cluster=[::1]:8082 node=node-0a1b2c3d\n"
        );
    }
}
