//! A plain component with a resource, which JSON cannot hold, beside one function that a host can offer.

#[allow(missing_docs, reason = "generated; the words are in the WIT")]
mod bindings {
    wit_bindgen::generate!({ path: ["../../wit", "wit"], world: "guests:plain/plain-resource", generate_all });
}

use bindings::exports::guests::plain::shelf::{self, BoxBorrow, GuestBox};

struct Shelf;

struct Sized(u32);

impl shelf::Guest for Shelf {
    type Box = Sized;
    fn make(size: u32) -> shelf::Box {
        shelf::Box::new(Sized(size))
    }
    fn measure(box_: BoxBorrow<'_>) -> u32 {
        box_.get::<Sized>().0
    }
    fn count() -> u32 {
        0
    }
}

impl GuestBox for Sized {
    fn new(size: u32) -> Self {
        Self(size)
    }
    fn size(&self) -> u32 {
        self.0
    }
    fn largest() -> u32 {
        u32::MAX
    }
}

bindings::export!(Shelf with_types_in bindings);
