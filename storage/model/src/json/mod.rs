//! Reading JSON documents written by others: every fault is collected and names its place.

mod fault;
mod node;
mod shape;
mod strict;

pub use fault::{DocumentFault, DocumentFaults, FAULTS_MAX};
pub use node::parse_object;
pub(crate) use node::{Node, parse_value};
pub(crate) use shape::{Field, Shape};
