//! ironhand-ipmi
