//! Import of model files into the quantised graph.
