//! Reading JSON documents written by others: every fault is collected and names its place.

mod fault;
mod node;
mod strict;

pub use fault::{DocumentFault, DocumentFaults, FAULTS_MAX};
pub(crate) use node::{Node, parse_object, parse_value};
