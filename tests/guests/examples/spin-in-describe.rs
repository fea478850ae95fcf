//! Never says what it is: `describe` loops for ever.

use guests::Manifest;
use guests::manifest::echo;

fn describe() -> Manifest {
    loop {
        core::hint::black_box(0);
    }
}

guests::skill!(describe, echo);
