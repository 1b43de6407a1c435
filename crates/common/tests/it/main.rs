//! What the contract promises.

mod bodies;
mod events;
mod values;
