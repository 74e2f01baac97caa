//! The model as cells: reads `&Model`, writes a frame.
//!
//! Invariant: no clock, channel or I/O; drawing never changes the model.
