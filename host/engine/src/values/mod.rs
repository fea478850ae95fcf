//! JSON documents and component-model values, both ways.
