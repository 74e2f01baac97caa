//! Enums that list their variants.

/// Declares an enum and its `ALL`: every variant in the order of the declaration, so that none can be left out.
macro_rules! listed {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$on:meta])* $variant:ident),+ $(,)? }) => {
        $(#[$meta])*
        $vis enum $name {
            $($(#[$on])* $variant),+
        }

        impl $name {
            /// Every variant, in the order of the declaration.
            $vis const ALL: [Self; [$(Self::$variant),+].len()] = [$(Self::$variant),+];
        }
    };
}

pub(crate) use listed;
