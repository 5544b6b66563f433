//! The interfaces and routes of this machine, as they were listed last.

use std::io;
use std::sync::Arc;

use ironhand_api::Network;
use ironhand_boot_port::interface::{Interface, Route, interfaces, routes};
use ironhand_model::boot::View;

/// What the system told.
#[derive(Debug, Default)]
pub(in crate::boot) struct Listed {
    pub(in crate::boot) interfaces: Vec<Interface>,
    pub(in crate::boot) routes: Vec<Route>,
}

/// What was listed last, and for which networks.
///
/// A view comes with each host that is applied and each step of a deployment, and interfaces are hundreds on some machines. So
/// they are listed when it is time to look, and when a network is another one: whoever describes one has often just given the
/// machine an address in it.
#[derive(Debug, Default)]
pub(in crate::boot) struct Listing {
    kept: Option<(Vec<Network>, Arc<Listed>)>,
}

impl Listing {
    /// It is time to look: the next call asks the system.
    pub(in crate::boot) fn forget(&mut self) {
        self.kept = None;
    }

    /// What holds for the networks of a view.
    ///
    /// # Errors
    ///
    /// Where the system does not tell.
    pub(in crate::boot) fn of(&mut self, view: &View) -> io::Result<Arc<Listed>> {
        self.of_with(&view.networks().collect::<Vec<_>>(), || {
            Ok(Listed { interfaces: interfaces()?, routes: routes()? })
        })
    }

    fn of_with(
        &mut self,
        networks: &[&Network],
        list: impl FnOnce() -> io::Result<Listed>,
    ) -> io::Result<Arc<Listed>> {
        if let Some((known, listed)) = &self.kept
            && known.iter().eq(networks.iter().copied())
        {
            return Ok(Arc::clone(listed));
        }
        let listed = Arc::new(list()?);
        self.kept = Some((networks.iter().copied().cloned().collect(), Arc::clone(&listed)));
        Ok(listed)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::boot::dhcp::fixture;

    #[test]
    fn interfaces_are_listed_when_it_is_time_and_when_networks_change() {
        let (rack, other) = (fixture::network("mode: full"), fixture::network("mode: proxy"));
        let (mut listing, asked) = (Listing::default(), Cell::new(0));
        let check = |listing: &mut Listing, networks: &[&Network], wanted: u32| {
            let list = || {
                asked.set(asked.get() + 1);
                Ok(Listed::default())
            };
            listing.of_with(networks, list).unwrap();
            assert_eq!(asked.get(), wanted, "{networks:?}");
        };
        check(&mut listing, &[&rack], 1);
        check(&mut listing, &[&rack], 1);
        check(&mut listing, &[&other], 2);
        check(&mut listing, &[], 3);
        check(&mut listing, &[], 3);
        listing.forget();
        check(&mut listing, &[], 4);
        // Where the system does not tell, it is asked again.
        listing.forget();
        assert!(listing.of_with(&[], || Err(io::ErrorKind::Other.into())).is_err());
        check(&mut listing, &[], 5);
    }
}
