//! To come: see the brief of the lead.
